"""How the servers of every stack end: told to, killed, with the process that started them, or before they are ready.

One of each folder: its protocols change nothing in that.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from exporters import Artifact
from servers import STACKS, Deployment, RunningServer, ServerError, connect, start
from servers.address import free_ports
from tests.conftest import Exported
from tests.integration.servers.stacks import Footprint, installed, one_of_each_folder, usual_format

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

WITH_ITS_SUPERVISORS = 3


@pytest.fixture(params=one_of_each_folder())
def stack(request: pytest.FixtureRequest) -> str:
    return installed(request.param).name


@pytest.fixture
def artifact(digits: Exported, stack: str) -> Artifact:
    return digits[usual_format(STACKS.get(stack))]


@pytest.fixture(autouse=True)
def temp(artifact: Artifact, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A folder for temporary files, in which nothing is left. Its path is short, as those of Unix sockets must be."""
    folder = Path(tempfile.mkdtemp())
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield
    left = sorted(path.name for path in folder.iterdir())
    shutil.rmtree(folder)
    assert not left


def _assert_answers(running: RunningServer, artifact: Artifact) -> None:
    answers, endpoint = artifact.answers(), running.endpoint
    with connect(endpoint.url, protocol=endpoint.protocol, timeout_s=30) as client:
        outputs = client.infer(endpoint.model, answers.request(0))
    tolerance = artifact.manifest.answer_tolerance["scores"]
    assert abs(outputs["scores"] - answers.answer(0)["scores"]).max() <= tolerance


def _assert_ended(running: RunningServer) -> None:
    endpoint = running.endpoint
    with connect(endpoint.url, protocol=endpoint.protocol, timeout_s=5) as client:
        assert not client.live()
        assert not client.ready(endpoint.model)


def test_servers_side_by_side_end_and_start_again_on_their_ports(
    artifact: Artifact, tmp_path: Path, stack: str
) -> None:
    deployment, ports = Deployment(artifact, stack), free_ports("127.0.0.1", STACKS.get(stack).ports)
    with (
        start(deployment, folder=tmp_path / "other") as other,
        start(deployment, folder=tmp_path / "first", ports=ports) as running,
    ):
        _assert_answers(running, artifact)
        _assert_answers(other, artifact)
        assert running.ports == ports
        footprint = Footprint.of(running.process.pid)

        os.kill(running.process.pid, signal.SIGKILL)
        assert running.process.wait(30) == -signal.SIGKILL
        assert running.process.poll() == -signal.SIGKILL
        footprint.assert_gone()
        _assert_ended(running)
        assert STACKS.get(stack).times(running.endpoint) is None
        _assert_answers(other, artifact)

        with start(deployment, folder=tmp_path / "second", ports=ports) as again:
            _assert_answers(again, artifact)
            footprint = Footprint.of(again.process.pid)
        footprint.assert_gone()
        _assert_ended(again)
        _assert_answers(other, artifact)

        with start(deployment, folder=tmp_path / "third", ports=ports) as again:
            _assert_answers(again, artifact)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_server_does_not_outlive_the_process_that_started_it(
    artifact: Artifact, tmp_path: Path, stack: str, number: signal.Signals
) -> None:
    command = [sys.executable, "-c", PARENT, str(artifact.folder), stack, str(tmp_path)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as parent:
        deadline = time.monotonic() + 120
        while not (tmp_path / "pid").exists():
            assert parent.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        footprint = Footprint.of(int((tmp_path / "pid").read_text()))
        assert parent.pid not in {process.pid for process in footprint.processes}
        parent.send_signal(number)
    footprint.assert_gone()


def test_an_interrupted_start_leaves_nothing(artifact: Artifact, tmp_path: Path, stack: str) -> None:
    """Ctrl-C while the server is being awaited; the shared fixtures look for what is left behind."""
    command = [sys.executable, "-c", PARENT, str(artifact.folder), stack, str(tmp_path)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as parent:
        started: list[psutil.Process] = []
        while len(started) < WITH_ITS_SUPERVISORS:
            assert parent.poll() is None
            started = psutil.Process(parent.pid).children(recursive=True)
        parent.send_signal(signal.SIGINT)
        _, errors = parent.communicate(timeout=60)
    assert errors.rstrip().endswith("KeyboardInterrupt")
    _, alive = psutil.wait_procs(started, timeout=30)
    assert not alive
    assert not (tmp_path / "pid").exists()


def test_a_server_that_cannot_load_its_model_is_one_telling_line(
    artifact: Artifact, tmp_path: Path, stack: str
) -> None:
    folder = tmp_path / "broken"
    shutil.copytree(artifact.folder, folder)
    broken = Artifact.read(folder)
    for file in (path for path in (broken.path, *broken.path.rglob("*")) if path.is_file()):
        file.write_bytes(b"not a model")
    with pytest.raises(ServerError) as died:
        start(Deployment(broken, stack), folder=tmp_path / "server", timeout_s=30)
    line = str(died.value)
    assert "\n" not in line
    assert line.startswith(f"the {stack} server of {artifact.ref} ")
    # Some try again and again.
    assert " ended with exit code " in line or " was not ready within 30 s: " in line
    assert f"/{broken.path.name}: not a" in line
    assert line.endswith(f"(log: {tmp_path / 'server' / 'server.log'})")


def test_a_given_port_in_use_is_one_line_before_anything_starts(artifact: Artifact, tmp_path: Path, stack: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for use in STACKS.get(stack).ports:
            with pytest.raises(ServerError, match=f"cannot bind 127.0.0.1:{port} for {use}: Address already in use"):
                start(Deployment(artifact, stack), folder=tmp_path / "server", ports={use: port})
    assert not (tmp_path / "server").exists()


def test_a_picked_port_that_is_taken_meanwhile_is_replaced(
    artifact: Artifact, tmp_path: Path, stack: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = sys.modules["servers.start"]
    pick = module.free_ports  # type: ignore[attr-defined]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        picks = []

        def pick_a_taken_one_first(host: str, uses: list[str]) -> dict[str, int]:
            picks.append(pick(host, uses) | ({} if picks else {uses[0]: port}))
            return picks[-1]

        monkeypatch.setattr(module, "free_ports", pick_a_taken_one_first)
        with start(Deployment(artifact, stack), folder=tmp_path) as running:
            assert port not in running.ports.values()
            _assert_answers(running, artifact)
    assert len(picks) == 2
