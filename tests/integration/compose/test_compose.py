"""What docs/COMPOSE.md promises, with the project's own compose.yaml and a real engine."""

import json
import re
import signal
import socket
import subprocess
from pathlib import Path

import numpy as np
import pytest
from selenium import webdriver

from loadtest import records
from loadtest.plan import read_plan
from models import MODELS
from models.inputs import one_item
from servers import EndpointError, connect
from tests import chromium
from tests.containers import Project, docker
from tests.integration.compose.conftest import LOAD, SERVERS, WATCHERS
from tests.integration.compose.prometheus import asked, eventually
from tests.integration.loadtest.test_locust_page import Page, browser
from tests.one_at_a_time import one_at_a_time

__all__ = ["browser"]
pytestmark = pytest.mark.timeout(1800)  # the first test to run builds all images

PUBLISHED = {
    "fastapi": ("oip-http", "http", "FASTAPI_PORT"),
    "grpc": ("oip-grpc", "grpc", "GRPC_PORT"),
    "triton-http": ("oip-http", "http", "TRITON_HTTP_PORT"),
    "triton-grpc": ("oip-grpc", "grpc", "TRITON_GRPC_PORT"),
    "torchserve-rest": ("torchserve-rest", "http", "TORCHSERVE_REST_PORT"),
    "torchserve-grpc": ("torchserve-grpc", "grpc", "TORCHSERVE_GRPC_PORT"),
}


def _health(project: Project, service: str) -> str:
    return str(project.container(service)["State"]["Health"]["Status"])


@pytest.mark.parametrize("stack", PUBLISHED)
def test_a_stack_answers_through_its_published_port(project: Project, ports: dict[str, int], stack: str) -> None:
    protocol, scheme, port = PUBLISHED[stack]
    digits = MODELS.get("digits")
    inputs = one_item(digits.requests(), 0, batched=True)
    with connect(f"{scheme}://127.0.0.1:{ports[port]}", protocol=protocol, timeout_s=10) as client:
        outputs = client.infer("digits", inputs)
        assert np.isfinite(next(iter(outputs.values()))).all()
        name = next(iter(inputs))
        with pytest.raises(EndpointError):
            client.infer("digits", {name: np.zeros((1, 3), np.float32)})
        again = client.infer("digits", inputs)
    for name, value in outputs.items():
        np.testing.assert_array_equal(again[name], value)


@pytest.mark.parametrize("service", [*SERVERS, *LOAD, *WATCHERS])
def test_containers_may_do_little(project: Project, service: str) -> None:
    container = project.container(service)
    host = container["HostConfig"]
    assert host["ReadonlyRootfs"]
    assert host["CapDrop"] == ["ALL"]
    assert not host["CapAdd"]
    assert "no-new-privileges:true" in host["SecurityOpt"]
    assert host["Init"]
    assert host["Memory"] > 0
    assert not host["Privileged"]
    published = [bound for each in (host["PortBindings"] or {}).values() for bound in each]
    assert all(bound["HostIp"] == "127.0.0.1" for bound in published)
    if service in SERVERS:
        assert host["CpusetCpus"] == "0"
        user = project.compose("exec", service, "id", "-u").strip()
        assert user == "1000"
        mount = next(mount for mount in container["Mounts"] if mount["Destination"] == "/srv/tailbed")
        assert not mount["RW"]


@pytest.mark.parametrize("target", ["fastapi", "grpc", "triton", "triton-grpc", "torchserve", "torchserve-grpc"])
def test_a_scenario_from_the_command_line(project: Project, results: Path, target: str) -> None:
    before = set(results.glob("locust/*"))
    said = subprocess.run(
        project.argv(
            *("run", "--rm", "--no-TTY", "locust", "--headless", "--target", target, "--scenario", "poisson"),
            *("--rate", "100", "--run-time", "6s"),
        ),
        capture_output=True,
        text=True,
        timeout=170,
    )
    assert said.returncode == 0, said.stdout + said.stderr
    (folder,) = set(results.glob("locust/*")) - before
    found = records.read(folder / records.NAME)
    assert len(found.intended_ns) > 450
    assert (found.outcome == records.Outcome.OK).all()


def test_a_killed_server_comes_again(project: Project) -> None:
    started = project.container("grpc")["State"]["StartedAt"]
    # By its own parent, the container's init, as a crash would be: what the engine is told to kill stays dead.
    project.compose("exec", "grpc", "sh", "-c", "kill -9 $(cat /proc/1/task/1/children)")
    eventually(lambda: project.container("grpc")["State"]["StartedAt"] != started, "a new start")
    eventually(lambda: _health(project, "grpc") == "healthy", "health")


def test_a_frozen_server_is_not_healthy(project: Project, ports: dict[str, int]) -> None:
    """The check asks the server: that its port is open is not enough."""
    ready = ("exec", "fastapi", "bash", "/srv/tailbed/services/fastapi/ready")
    subprocess.run(project.argv(*ready), check=True, timeout=60)
    project.compose("exec", "fastapi", "sh", "-c", f"kill -{signal.SIGSTOP.value} $(cat /proc/1/task/1/children)")
    try:
        with socket.create_connection(("127.0.0.1", ports["FASTAPI_PORT"]), timeout=5):
            pass
        frozen = ("exec", "fastapi", "timeout", "3", "bash", "/srv/tailbed/services/fastapi/ready")
        assert subprocess.run(project.argv(*frozen), timeout=60).returncode != 0
    finally:
        project.compose("exec", "fastapi", "sh", "-c", f"kill -{signal.SIGCONT.value} $(cat /proc/1/task/1/children)")


def test_prometheus_sees_a_run(project: Project, ports: dict[str, int]) -> None:
    with one_at_a_time("locust-headless"):  # an engine has one container of a name
        project.compose(
            *("run", "--rm", "--no-TTY", "--name", "locust-headless", "locust", "--headless"),
            *("--target", "fastapi", "--scenario", "constant", "--rate", "50", "--run-time", "12s"),
        )
    query = 'sum(service:requests:rate15s{service="fastapi"}) > 0'
    eventually(lambda: bool(asked(ports["PROMETHEUS_PORT"], query)), "requests in Prometheus", 30)
    up = {each["metric"]["job"] for each in asked(ports["PROMETHEUS_PORT"], "up == 1")}
    assert up >= {"fastapi", "grpc", "triton", "torchserve", "machine"}
    assert asked(ports["PROMETHEUS_PORT"], "up == 0") == []


@chromium.needs_chromium
def test_two_stacks_from_locusts_page(
    project: Project, ports: dict[str, int], results: Path, browser: webdriver.Chrome
) -> None:
    before = set(results.glob("locust/*"))
    page = Page(browser, f"http://127.0.0.1:{ports['LOCUST_PORT']}")
    for target in ("triton", "torchserve"):
        page.open_parameters()
        page.choose("target", target)
        page.choose("scenario", "poisson")
        page.button("Start")
        page.await_requests(300)
        eventually(
            lambda target=target: bool(
                asked(ports["PROMETHEUS_PORT"], f'sum(target:requests:rate15s{{target="{target}"}}) > 0')
            ),
            f"requests to {target} in Prometheus",
        )
        page.stop()
        page.button("New")
    runs = sorted(set(results.glob("locust/*")) - before)
    assert [read_plan(run).protocol for run in runs] == ["oip-http", "torchserve-rest"]
    for run in runs:
        found = records.read(run / records.NAME)
        assert not found.outcome.any()
        assert found.facts.wrong == 0


@pytest.mark.parametrize("socket_given", [True, False])
def test_an_experiment_over_the_services(project: Project, results: Path, *, socket_given: bool) -> None:
    suite = results / "few.yaml"
    suite.write_text(
        "name: few\nservices: [all]\nscenarios:\n  - {kind: open, rate: 100}\n"
        "warmup_s: 1\nsteady_limit_s: null\nduration_s: 2\nattempts: 1\n"
    )
    given = ("-v", "/var/run/docker.sock:/var/run/docker.sock", "--user", "root") if socket_given else ()
    said = project.compose(
        *("run", "--rm", "--no-TTY", *given, "tailbed", "bench", "/tailbed/results/few.yaml"),
        *("--out", f"/tailbed/results/few-{socket_given}", "--json"),
        timeout_s=600,
    )
    summary = json.loads(said)
    assert summary["failures"] == []
    assert {cell["server"] for cell in summary["cells"]} == set(PUBLISHED)
    for cell in summary["cells"]:
        assert cell["errors"] == 0
        assert cell["answers_wrong"] == 0
        assert (cell["cold_start"] is not None) == socket_given
    left_out = " ".join(summary["left_out"])
    assert "tfserving" in left_out
    assert ("no engine" in left_out) != socket_given
    for deployment in summary["deployments"]:
        assert (deployment["image"] is not None) == socket_given
    for service in SERVERS:
        eventually(lambda service=service: _health(project, service) == "healthy", f"health of {service}")


def test_nothing_is_left_behind(project: Project) -> None:
    """Down takes all of it away; it is up again for whoever comes next."""
    project.compose("--profile", "*", "down", "--volumes", "--timeout", "10")
    label = f"label=com.docker.compose.project={project.name}"
    for kind in (("ps", "--all"), ("network", "ls"), ("volume", "ls")):
        assert docker(*kind, "--quiet", "--filter", label) == ""
    project.compose("up", "--detach", "--wait", *SERVERS, *LOAD, *WATCHERS, timeout_s=600)
    assert re.fullmatch(r"(healthy\s*)+", " ".join(_health(project, service) for service in SERVERS))
