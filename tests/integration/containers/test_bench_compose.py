"""``tailbed bench`` over services in containers, with the engine's socket and without."""

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import containers
from tests.conftest import Exported
from tests.containers import ROOT, SOURCE, Project

pytestmark = [
    pytest.mark.skipif(containers.missing() is not None, reason=containers.missing() or ""),
    pytest.mark.timeout(600),  # for the image, while others build theirs
]

COMPOSE = """\
x-server: &server
  image: {image}
  init: true
  restart: unless-stopped
  stop_grace_period: 4s
  environment: {{TAILBED_HOME: {folder}/home, PYTHONPATH: {source}}}
  volumes: ["{folder}/home:{folder}/home:ro", "{root}:{source}:ro"]
services:
  fastapi:
    <<: *server
    cpuset: "0"
    command: [sh, "{folder}/home/services/fastapi/start"]
  grpc:
    <<: *server
    command: [sh, "{folder}/home/services/grpc/start"]
  tailbed:
    <<: *server
    profiles: [tools]
    restart: "no"
    volumes: ["{folder}:{folder}", "{root}:{source}:ro"]
    entrypoint: [python3, -m, tailbed]
"""

SUITE = """\
name: tiny
services: [{services}]
scenarios:
  - {{kind: open, rate: 300}}
warmup_s: 0.5
steady_limit_s: null
duration_s: {duration_s}
attempts: 1
"""

SOCKET = ("-v", "/var/run/docker.sock:/var/run/docker.sock")
SERVICES = ("fastapi", "grpc")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, digits: Exported) -> Path:
    """A folder with a home of its own, in which two services have been prepared."""
    folder = tmp_path_factory.mktemp("compose")
    artifact = digits["onnx"]
    shutil.copytree(artifact.folder, folder / "home/artifacts/digits/onnx/fp32")
    words = [sys.executable, "-m", "tailbed", "prepare", *(f"{service}=digits/onnx" for service in SERVICES)]
    environment = {**os.environ, "TAILBED_HOME": str(folder / "home")}
    subprocess.run(words, env=environment, check=True, timeout=170, cwd=folder)
    return folder


@pytest.fixture(scope="module")
def project(folder: Path) -> Iterator[Project]:
    text = COMPOSE.format(image=containers.bench_image(), folder=folder, root=ROOT, source=SOURCE)
    with containers.project(f"tailbed-test-{secrets.token_hex(4)}", text, folder) as found:
        yield found


def suite(folder: Path, *, services: str = "all", duration_s: float = 3) -> str:
    path = folder / f"{secrets.token_hex(4)}.yaml"
    path.write_text(SUITE.format(services=services, duration_s=duration_s), encoding="utf-8")
    return str(path)


def bench(project: Project, folder: Path, *options: str, services: str = "all") -> tuple[dict[str, Any], Path]:
    """The summary of a short experiment, and its folder."""
    out = folder / f"out-{secrets.token_hex(4)}"
    words = ["bench", suite(folder, services=services), "--out", str(out), "--json"]
    return json.loads(project.compose("run", "--rm", *options, "tailbed", *words)), out


def failed(project: Project, *words: str) -> str:
    """What ``docker compose run`` with these words says at last, which is to fail."""
    done = subprocess.run(project.argv("run", "--rm", *words), capture_output=True, text=True, timeout=170)
    assert done.returncode == 1, done.stderr
    return done.stderr.strip().splitlines()[-1].removeprefix("tailbed: ")


def as_found(project: Project) -> dict[str, tuple[Any, ...]]:
    """Of each service, what nobody may change."""
    found = {service: project.container(service) for service in SERVICES}
    return {
        service: (
            each["Id"],
            each["State"]["Running"],
            each["HostConfig"]["RestartPolicy"],
            # The engine cannot take a choice of cores back: one that has none is given all by name.
            each["HostConfig"]["CpusetCpus"] or Path("/sys/devices/system/cpu/online").read_text().strip(),
        )
        for service, each in found.items()
    }


@pytest.mark.timeout(600)  # for the image
def test_with_the_engine_each_run_has_a_fresh_container(project: Project, folder: Path) -> None:
    before = as_found(project)
    started = {service: project.container(service)["State"]["StartedAt"] for service in SERVICES}
    summary, out = bench(project, folder, *SOCKET)
    assert summary["complete"]
    assert summary["left_out"] == []
    assert [(cell["server"], cell["runtime"]) for cell in summary["cells"]] == [
        ("fastapi", "onnxruntime"),
        ("grpc", "onnxruntime"),
    ]
    for cell in summary["cells"]:
        assert cell["validity"] in ("VALID", "INVALID")
        assert not [reason for reason in cell["reasons"] if "server" in reason]
        assert (cell["errors"], cell["answers_wrong"]) == (0, 0)
        assert cell["answers_checked"] > 0
        start = cell["cold_start"]
        assert 0 < start["listening_ms"] <= start["ready_ms"] < start["first_answer_ms"]
        assert cell["compute_mean_ms"] > 0
        assert cell["resources"]["cpu_s"] > 0
        assert cell["resources"]["peak_memory_bytes"] > 10e6
        assert cell["resources"]["threads"] > 1
        run = out / cell["run"]
        deployment = json.loads((run / "deployment.json").read_text())
        assert (run / "server/server.log").read_text().count(deployment["sha256"]) == 1, "what this start said"
        assert deployment["service"] == cell["server"]
        assert deployment["command"][-1] == f"{folder}/home/services/{cell['server']}/start"
        assert deployment["runs"]["intra_op_threads"] == "1", "by the server's own account"
    known = json.loads(containers.docker("image", "inspect", containers.BENCH))[0]
    for each in summary["deployments"]:
        image = each["image"]
        assert (image["name"], image["id"], image["size_bytes"]) == (containers.BENCH, known["Id"], known["Size"])
        assert image["engine"] == containers.docker("version", "--format", "{{.Server.Version}}").strip()
    placement = json.loads((out / "environment.json").read_text())["placement"]
    if placement["server_cores"]:
        cores = placement["server_cores"]
        assert [json.loads((out / c["run"] / "deployment.json").read_text())["cores"] for c in summary["cells"]] == [
            cores,
            cores,
        ]
    assert containers.BENCH in (out / "report.html").read_text()
    assert as_found(project) == before
    assert all(project.container(service)["State"]["StartedAt"] > started[service] for service in SERVICES)


@pytest.mark.timeout(600)
def test_without_the_engine_the_services_are_measured_as_they_run(project: Project, folder: Path) -> None:
    before = {service: project.container(service)["State"] for service in SERVICES}
    summary, out = bench(project, folder)
    (line,) = summary["left_out"]
    assert line.startswith("the servers were not restarted between runs and no cold start was measured: no engine's")
    assert "docker compose run --rm -v /var/run/docker.sock" in line
    assert [cell["server"] for cell in summary["cells"]] == list(SERVICES)
    for cell in summary["cells"]:
        assert (cell["cold_start"], cell["errors"], cell["answers_wrong"]) == (None, 0, 0)
        assert cell["compute_mean_ms"] > 0
    assert [each["image"] for each in summary["deployments"]] == [None, None]
    after = {service: project.container(service)["State"] for service in SERVICES}
    assert {name: state["StartedAt"] for name, state in after.items()} == {
        name: state["StartedAt"] for name, state in before.items()
    }
    assert "docker compose logs" in (out / summary["cells"][0]["run"] / "server/server.log").read_text()


@pytest.mark.timeout(600)
def test_what_does_not_run_is_left_out(project: Project, folder: Path) -> None:
    project.compose("stop", "grpc")
    try:
        summary, _ = bench(project, folder)
        assert "grpc: the service does not run" in summary["left_out"]
        assert [cell["server"] for cell in summary["cells"]] == ["fastapi"]
        # With the engine its container is started for its run, and is left as it was found.
        summary, _ = bench(project, folder, *SOCKET, services="grpc")
        assert [cell["server"] for cell in summary["cells"]] == ["grpc"]
        assert not project.container("grpc")["State"]["Running"]
    finally:
        project.compose("start", "grpc")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_experiment_leaves_the_services_as_they_were(
    project: Project, folder: Path, stop: signal.Signals
) -> None:
    before = as_found(project)
    out = folder / f"out-{secrets.token_hex(4)}"
    words = ["bench", suite(folder, duration_s=60), "--out", str(out)]
    name = f"{project.name}-stopped-{stop}"
    argv = project.argv("run", "--rm", "--name", name, *SOCKET, "tailbed", *words)
    with subprocess.Popen(argv, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 90
        while not any(spool.stat().st_size for spool in out.glob("runs/*/records.spool")):
            assert time.monotonic() < deadline, "no request was ever spooled"
            assert process.poll() is None
            time.sleep(0.1)
        time.sleep(2)
        assert sum(project.container(service)["State"]["Running"] for service in SERVICES) == 1
        containers.docker("kill", "--signal", stop.name, name)
        assert process.wait(timeout=60) == 130
    summary = json.loads((out / "summary.json").read_text())
    assert not summary["complete"]
    (cell,) = summary["cells"]
    assert cell["reasons"][0].startswith("incomplete")
    assert cell["requests"] > 0
    assert as_found(project) == before


@pytest.mark.timeout(600)
def test_one_experiment_at_a_time_which_is_resumed_where_it_was_stopped(project: Project, folder: Path) -> None:
    before = as_found(project)
    out = folder / f"out-{secrets.token_hex(4)}"
    words = ["bench", suite(folder, services="grpc"), "--aa", "--out", str(out)]
    name = f"{project.name}-first"
    argv = project.argv("run", "--rm", "--name", name, *SOCKET, "tailbed", *words)
    with subprocess.Popen(argv, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 90
        while not list(out.glob("runs/*/records.spool")):
            assert time.monotonic() < deadline, "no run was ever begun"
            assert process.poll() is None
            time.sleep(0.1)
        for others in (["bench", suite(folder, services="fastapi")], ["prepare", "fastapi=digits/onnx"]):
            told = failed(project, *SOCKET, "tailbed", *others)
            assert told.startswith(f"{folder}/home/services: another tailbed bench or prepare has the services")
        while len(list(out.glob("runs/*/result.json"))) < 1:
            assert time.monotonic() < deadline, "no run was ever over"
            time.sleep(0.1)
        containers.docker("kill", "--signal", "INT", name)
        assert process.wait(timeout=60) == 130
    assert as_found(project) == before
    (kept,) = out.glob("runs/*/result.json")
    measured = kept.read_bytes()
    assert "cannot be resumed" in failed(project, "tailbed", "bench", "--resume", str(out)), "as they run is another"
    project.compose("run", "--rm", *SOCKET, "tailbed", "bench", "--resume", str(out))
    summary = json.loads((out / "summary.json").read_text())
    assert summary["complete"]
    assert [cell["arm"] for cell in summary["cells"]] == ["first", "second"]
    assert all(cell["cold_start"]["first_answer_ms"] for cell in summary["cells"])
    assert kept.read_bytes() == measured
    assert as_found(project) == before


@pytest.mark.timeout(600)
def test_a_service_that_ends_is_a_failure_in_one_line(project: Project, folder: Path) -> None:
    """Its container is not restarted by the engine while it is measured, and its log says why it ended."""
    script = folder / "home/services/grpc/start"
    kept = script.read_text()
    before = as_found(project)
    script.write_text("echo error: it is not its day >&2\nexit 3\n")
    out = folder / f"out-{secrets.token_hex(4)}"
    try:
        words = ["bench", suite(folder, services="grpc"), "--out", str(out)]
        argv = project.argv("run", "--rm", *SOCKET, "tailbed", *words)
        done = subprocess.run(argv, capture_output=True, text=True, timeout=170)
    finally:
        script.write_text(kept)
        project.compose("restart", "grpc")
    assert done.returncode == 1
    (failure,) = json.loads((out / "summary.json").read_text())["failures"]
    assert (
        "the service grpc, asked as grpc, ended with exit code 3 before it was ready: error: it is not its day"
        in failure
    )
    assert as_found(project) == before
