"""Starting our own servers: the stages of a start, what they are told, and the exact words when it fails."""

import shutil
import time
from pathlib import Path

import psutil
import pytest

from exporters import Artifact
from models import UnknownName
from servers import STACKS, Deployment, ServerError, Settings, connect, start
from servers.address import free_ports
from tests.conftest import Exported

OURS = ("fastapi", "grpc")


@pytest.fixture
def broken(digits: Exported, tmp_path: Path) -> Artifact:
    """An artifact whose file is not what its manifest says."""
    folder = tmp_path / "broken"
    shutil.copytree(digits["onnx"].folder, folder)
    artifact = Artifact.read(folder)
    artifact.path.write_bytes(b"not a model")
    return artifact


@pytest.mark.parametrize("stack", OURS)
def test_a_cold_start_has_its_stages_in_order(digits: Exported, tmp_path: Path, stack: str) -> None:
    before = time.monotonic_ns()
    folder = tmp_path / "new" / "folder"
    with start(Deployment(digits["onnx"], stack), folder=folder) as running:
        assert before < running.started_ns < running.listening_ns <= running.ready_ns < time.monotonic_ns()
        assert running.started_ns == running.process.started_ns
        assert running.log == folder / "server.log"
        assert running.process.poll() is None
    assert running.process.poll() == 0, running.log.read_text()  # SIGTERM is enough, and the end is an orderly one
    assert "digits/onnx/fp32 is ready on onnxruntime" in running.log.read_text()
    with connect(running.endpoint.url, timeout_s=5) as client:
        assert not client.live()


@pytest.mark.parametrize("stack", OURS)
def test_a_server_keeps_its_port_and_threads(digits: Exported, tmp_path: Path, stack: str) -> None:
    use = STACKS.get(stack).ports[0]
    port = free_ports("127.0.0.1", [use])[use]
    deployment = Deployment(digits["onnx"], stack, Settings(instances=2, threads=1))
    with start(deployment, folder=tmp_path, ports={use: port}) as running:
        assert running.endpoint.url.endswith(f"://127.0.0.1:{port}")
        told = psutil.Process(running.process.pid).environ()
        assert told["OMP_NUM_THREADS"] == "1"
        assert told["OMP_WAIT_POLICY"] == "PASSIVE"


@pytest.mark.parametrize("stack", OURS)
def test_a_server_that_dies_before_it_is_ready_is_one_telling_line(
    broken: Artifact, tmp_path: Path, stack: str
) -> None:
    with pytest.raises(ServerError) as died:
        start(Deployment(broken, stack), folder=tmp_path / "server")
    line = str(died.value)
    assert "\n" not in line
    assert f"the {stack} server of digits/onnx/fp32 ended with exit code 1 before it was ready" in line
    assert f"{broken.path}: not an ONNX model" in line
    assert line.endswith(f"(log: {tmp_path / 'server' / 'server.log'})")
    assert "Traceback" not in (tmp_path / "server" / "server.log").read_text()


def test_a_server_that_does_not_get_ready_in_time_is_stopped(digits: Exported, tmp_path: Path) -> None:
    with pytest.raises(ServerError, match=r"was not ready within 0\.01 s: .*\(log: "):
        start(Deployment(digits["onnx"], "fastapi"), folder=tmp_path, timeout_s=0.01)


@pytest.mark.parametrize(
    ("settings", "cores", "line"),
    [
        (Settings(instances=0), None, "instances is 0, expected 1 or more"),
        (Settings(threads=-1), None, "threads is -1, expected 1 or more"),
        (Settings(), (4096,), r"CPU cores \[4096\] are not all usable"),
    ],
)
def test_settings_that_make_no_sense_are_one_line(
    digits: Exported, tmp_path: Path, settings: Settings, cores: tuple[int, ...] | None, line: str
) -> None:
    with pytest.raises(ServerError, match=line):
        start(Deployment(digits["onnx"], "grpc", settings, cores), folder=tmp_path)


def test_unknown_stacks_ports_and_formats_are_one_line(digits: Exported, tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match=r"unknown stack 'apache': choose from fastapi, .*grpc"):
        start(Deployment(digits["onnx"], "apache"), folder=tmp_path)
    with pytest.raises(ServerError, match="fastapi has no port 'grpc': it has http"):
        start(Deployment(digits["onnx"], "fastapi"), folder=tmp_path, ports={"grpc": 1})
    manifest = digits["onnx"].manifest.model_copy(update={"format": "papyrus"})
    with pytest.raises(ServerError, match="cannot be served: no runtime loads the format 'papyrus'"):
        start(Deployment(Artifact(tmp_path, manifest), "fastapi"), folder=tmp_path)
