"""The history in a real MLflow store, with the real library in an environment of its own."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from exporters.environments import Environment, InstallError
from tailbed import history
from tests.environments import provide
from tests.unit.experiment.results import make_run
from tests.unit.history.experiments import SHA256, make_experiment, make_runs

# The first test to ask for it installs MLflow.
pytestmark = pytest.mark.timeout(600)

MLFLOW = Environment("mlflow", Path(__file__).with_name("mlflow.txt"))
# Our own packages come first, so that it is they that are tested.
TAILBED = "import sys; sys.path.append(sys.argv.pop(1)); from tailbed.__main__ import main; main()"
READ = """
import json, sys
sys.path.append(sys.argv[1])
from mlflow import MlflowClient
client = MlflowClient(tracking_uri=sys.argv[2])
found = [
    {"experiment": experiment.name, **run.to_dictionary()["info"], **run.to_dictionary()["data"]}
    for experiment in client.search_experiments()
    for run in client.search_runs([experiment.experiment_id])
]
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def packages(home: Path) -> str:
    try:
        provide(MLFLOW)
    except InstallError as error:
        pytest.skip(f"MLflow cannot be installed here: {error}")
    (found,) = MLFLOW.folder.glob("lib/python*/site-packages")
    return str(found)


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, packages: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAILBED_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.delenv("MLFLOW_ALLOW_FILE_STORE", raising=False)
    stopped = make_run(2, validity="INVALID", reasons=["stopped"], p99_ms=None).model_copy(update={"finished": False})
    history.add(
        make_experiment(tmp_path / "one", [[*make_runs(3.5), stopped]], suite="quick", image="sha256:" + "c" * 64)
    )
    history.add(make_experiment(tmp_path / "two", [make_runs(4.5)], suite="other", number=1))


def export(packages: str, uri: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", TAILBED, packages, "history", "export", "--mlflow", uri],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=150,
    )


@pytest.mark.parametrize("form", ["{folder}", "file://{folder}"])
def test_runs_are_in_a_folder_store_once(tmp_path: Path, packages: str, form: str) -> None:
    uri = form.format(folder=tmp_path / "mlruns")
    allowed = {"MLFLOW_ALLOW_FILE_STORE": "true"}
    done = export(packages, uri, **allowed)
    assert (done.returncode, done.stdout) == (0, f"{uri}: 3 runs\n"), done.stderr
    again = export(packages, uri, **allowed)
    assert again.stdout == f"{uri}: 0 runs; 3 were there already\n", again.stderr
    history.add(make_experiment(tmp_path / "three", [make_runs(5.5)], suite="quick", number=2))
    assert export(packages, uri, **allowed).stdout == f"{uri}: 1 runs; 3 were there already\n"
    read = subprocess.run(
        [sys.executable, "-c", READ, packages, uri],
        env={**os.environ, **allowed},
        capture_output=True,
        text=True,
        timeout=150,
    )
    found = {run["run_name"]: run for run in json.loads(read.stdout)}
    assert set(found) == {"one/runs/001", "one/runs/002", "two/runs/001", "three/runs/001"}
    one = found["one/runs/001"]
    assert (one["experiment"], found["two/runs/001"]["experiment"]) == ("tailbed quick", "tailbed other")
    assert one["metrics"]["p99_ms"] == 3.5
    assert one["metrics"]["first_answer_ms"] == 655.0
    assert {name: one["params"][name] for name in ("model", "format", "server", "scenario", "block")} == {
        "model": "digits",
        "format": "onnx",
        "server": "fastapi",
        "scenario": "poisson 200/s",
        "block": "1",
    }
    tags = one["tags"]
    assert tags["tailbed.validity"] == "VALID"
    assert tags["tailbed.artifact_sha256"] == SHA256
    assert tags["tailbed.image_id"] == "sha256:" + "c" * 64
    assert tags["tailbed.records"] == str(tmp_path / "one" / "runs/001/records.parquet")
    assert tags["tailbed.report"] == str(tmp_path / "one" / "report.html")
    stopped = found["one/runs/002"]
    assert (one["status"], stopped["status"]) == ("FINISHED", "KILLED")
    assert "p99_ms" not in stopped["metrics"]
    assert json.loads(stopped["tags"]["tailbed.reasons"]) == ["stopped"]


def test_what_mlflow_refuses_is_one_line(tmp_path: Path, packages: str) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{unused.getsockname()[1]}"
        for uri, advice in (
            (str(tmp_path / "mlruns"), "set MLFLOW_ALLOW_FILE_STORE=true"),
            (f"sqlite:///{tmp_path}/x.db", "or install the whole of MLflow"),
            (nobody, "Connection refused"),
        ):
            done = export(packages, uri)
            assert done.returncode == 1
            assert done.stderr.startswith(f"tailbed: {uri}: MLflow: ")
            assert advice in done.stderr
            assert len(done.stderr.strip().splitlines()) == 1, done.stderr
