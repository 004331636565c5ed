"""Starting servers: the stages of a cold start, and every way in which it can fail."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from exporters import Artifact
from models import UnknownName
from servers import STACKS, Deployment, ServerError, Settings, connect, start
from tests.conftest import Exported

PARENT = """
import sys, time
from pathlib import Path
from exporters import Artifact
from servers import Deployment, start
artifact, stack, folder = sys.argv[1:]
running = start(Deployment(Artifact.read(Path(artifact)), stack), folder=Path(folder))
Path(folder, "pid.part").write_text(str(running.process.pid))
Path(folder, "pid.part").rename(Path(folder, "pid"))
time.sleep(600)
"""


@pytest.fixture
def broken(digits: Exported, tmp_path: Path) -> Artifact:
    """An artifact whose file is not what its manifest says."""
    folder = tmp_path / "broken"
    shutil.copytree(digits["onnx"].folder, folder)
    artifact = Artifact.read(folder)
    artifact.path.write_bytes(b"not a model")
    return artifact


@pytest.mark.parametrize("stack", STACKS.names())
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


@pytest.mark.parametrize("stack", STACKS.names())
def test_a_server_keeps_its_port_cores_and_threads(digits: Exported, tmp_path: Path, stack: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    core = max(os.sched_getaffinity(0))
    use = STACKS.get(stack).ports[0]
    deployment = Deployment(digits["onnx"], stack, Settings(instances=2, threads=1), cores=(core,))
    with start(deployment, folder=tmp_path, ports={use: port}) as running:
        assert running.endpoint.url.endswith(f"://127.0.0.1:{port}")
        server = psutil.Process(running.process.pid)
        assert server.cpu_affinity() == [core]
        assert server.environ()["OMP_NUM_THREADS"] == "1"
        assert server.environ()["OMP_WAIT_POLICY"] == "PASSIVE"
        bound = {connection.laddr.ip for connection in server.net_connections() if connection.status == "LISTEN"}
        assert {address.removeprefix("::ffff:") for address in bound} == {"127.0.0.1"}


@pytest.mark.parametrize("stack", STACKS.names())
def test_a_given_port_in_use_is_one_line_before_anything_starts(digits: Exported, tmp_path: Path, stack: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for use in STACKS.get(stack).ports:
            with pytest.raises(ServerError, match=f"cannot bind 127.0.0.1:{port} for {use}: Address already in use"):
                start(Deployment(digits["onnx"], stack), folder=tmp_path / "server", ports={use: port})
    assert not (tmp_path / "server").exists()


@pytest.mark.parametrize("stack", STACKS.names())
def test_a_picked_port_that_is_taken_meanwhile_is_replaced(
    digits: Exported, tmp_path: Path, stack: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = sys.modules["servers.start"]
    pick = module.free_ports  # type: ignore[attr-defined]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        picks = []

        def pick_a_taken_one_first(host: str, uses: list[str]) -> dict[str, int]:
            picks.append(pick(host, uses) | ({} if picks else {uses[-1]: port}))
            return picks[-1]

        monkeypatch.setattr(module, "free_ports", pick_a_taken_one_first)
        with start(Deployment(digits["onnx"], stack), folder=tmp_path) as running:
            assert not running.endpoint.url.endswith(f":{port}")
    assert len(picks) == 2


@pytest.mark.parametrize("stack", STACKS.names())
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
    with pytest.raises(UnknownName, match="unknown stack 'apache': choose from fastapi, grpc"):
        start(Deployment(digits["onnx"], "apache"), folder=tmp_path)
    with pytest.raises(ServerError, match="fastapi has no port 'grpc': it has http"):
        start(Deployment(digits["onnx"], "fastapi"), folder=tmp_path, ports={"grpc": 1})
    manifest = digits["onnx"].manifest.model_copy(update={"format": "papyrus"})
    with pytest.raises(ServerError, match="cannot be served: no runtime loads the format 'papyrus'"):
        start(Deployment(Artifact(tmp_path, manifest), "fastapi"), folder=tmp_path)


@pytest.mark.parametrize("stack", STACKS.names())
def test_a_server_that_dies_later_is_seen(digits: Exported, tmp_path: Path, stack: str) -> None:
    with start(Deployment(digits["onnx"], stack), folder=tmp_path) as running:
        os.kill(running.process.pid, signal.SIGKILL)
        assert running.process.wait(30) == -signal.SIGKILL
        assert running.process.poll() == -signal.SIGKILL


@pytest.mark.parametrize("stack", STACKS.names())
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_server_does_not_outlive_its_parent(
    digits: Exported, tmp_path: Path, stack: str, number: signal.Signals
) -> None:
    command = [sys.executable, "-c", PARENT, str(digits["onnx"].folder), stack, str(tmp_path)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as parent:
        deadline = time.monotonic() + 60
        while not (tmp_path / "pid").exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        server = psutil.Process(int((tmp_path / "pid").read_text()))
        family = [server, *server.parents()[:2], *server.children(recursive=True)]
        assert parent.pid not in {process.pid for process in family}
        parent.send_signal(number)
    _, alive = psutil.wait_procs(family, timeout=30)
    assert not alive


@pytest.mark.parametrize("stack", STACKS.names())
def test_an_interrupted_start_leaves_nothing(digits: Exported, tmp_path: Path, stack: str) -> None:
    """Ctrl-C while the server is being awaited; the shared fixture looks for processes left behind."""
    signal.setitimer(signal.ITIMER_REAL, 0.15)
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            start(Deployment(digits["torchscript"], stack), folder=tmp_path)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
