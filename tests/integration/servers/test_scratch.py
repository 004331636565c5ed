"""Folders that servers need for a while: gone with them, and with whoever started them, however that ends."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from exporters import Artifact
from servers import (
    STACKS,
    Deployment,
    Endpoint,
    Endpoints,
    Launch,
    RunningServer,
    ServerError,
    Settings,
    SupervisedProcess,
    start,
)
from servers.address import free_ports
from servers.torchserve.environment import ENVIRONMENT
from tests.conftest import Exported
from tests.environments import provide

TAILBED = (sys.executable, "-m", "tailbed")
KILLED = """
import sys, time
from pathlib import Path
from servers import SupervisedProcess
folder = Path(sys.argv[1])
SupervisedProcess.start(["sleep", "600"], log=folder / "log", abandoned=(str(folder / "scr[a]tch"),))
print("started", flush=True)
time.sleep(600)
"""


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_what_a_killed_process_would_have_removed_is_removed_for_it(tmp_path: Path) -> None:
    (tmp_path / "scratch").mkdir()
    (tmp_path / "scratch" / "file").touch()
    with subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"started\n"
        process.kill()
    _until(lambda: not (tmp_path / "scratch").exists())
    assert (tmp_path / "log").exists()


def test_of_one_that_lives_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "scratch").mkdir()
    told: dict[str, Any] = {"log": tmp_path / "log", "abandoned": (str(tmp_path / "scratch"),)}
    assert SupervisedProcess.start(["false"], **told).wait(15) == 1
    assert (tmp_path / "scratch").exists()


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_serving_leaves_no_folder_behind(digits: Exported, tmp_path: Path, stop: signal.Signals) -> None:
    artifact = digits["onnx"].folder
    with subprocess.Popen(
        [*TAILBED, "serve", str(artifact), "--with", "fastapi"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    ) as process:
        assert process.stdout is not None
        assert "is ready at" in process.stdout.readline()
        assert list(tmp_path.glob("tailbed-serve-*/server.log"))
        process.send_signal(stop)
    _until(lambda: not list(tmp_path.iterdir()))


@pytest.mark.parametrize("stop", [RunningServer.stop, lambda running: os.kill(running.process.pid, signal.SIGKILL)])
def test_what_a_runtime_unpacks_goes_with_its_server(
    digits: Exported, tmp_path: Path, stop: Callable[[RunningServer], None]
) -> None:
    with start(Deployment(digits["aotinductor"], "fastapi"), folder=tmp_path) as running:
        assert running.launch.scratch is not None
        assert list(running.launch.scratch.glob("aotinductor_*"))
        stop(running)
    assert not running.launch.scratch.exists()


class _Scratching:
    """A stack whose server needs a folder while it runs."""

    def __init__(self, scratch: Path, *argv: str) -> None:
        self._scratch = scratch
        self._argv = argv

    name = "scratching"
    ports = ("http",)

    def missing(self) -> None:
        return None

    def launch(self, deployment: Deployment, *, host: str, ports: Mapping[str, int], folder: Path) -> Launch:  # noqa: ARG002
        endpoint = Endpoint("oip-http", f"http://{host}:{ports['http']}", "m")
        return Launch(self._argv, Endpoints(endpoint, endpoint), scratch=self._scratch)


@pytest.mark.parametrize("argv", [("/no/such/program",), ("sh", "-c", 'test -d "$0" && exit 7', "{scratch}")])
def test_a_servers_own_folder_is_there_for_it_and_gone_when_it_fails(
    digits: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, argv: tuple[str, ...]
) -> None:
    scratch = tmp_path / "a [b]"
    stack = _Scratching(scratch, *(part.format(scratch=scratch) for part in argv))
    monkeypatch.setattr(STACKS, "_by_folder", {"scratching": {"scratching": stack}})
    with pytest.raises(ServerError, match="exit code 7" if argv[0] == "sh" else "cannot start /no/such/program"):
        start(Deployment(digits["onnx"], "scratching"), folder=tmp_path / "server")
    assert not scratch.exists()


def test_it_is_gone_where_not_even_the_log_can_be_written(
    digits: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = _Scratching(tmp_path / "scratch", "true")
    monkeypatch.setattr(STACKS, "_by_folder", {"scratching": {"scratching": stack}})
    (tmp_path / "server" / "server.log").mkdir(parents=True)
    with pytest.raises(IsADirectoryError):
        start(Deployment(digits["onnx"], "scratching"), folder=tmp_path / "server")
    assert not (tmp_path / "scratch").exists()


def test_it_is_not_made_where_the_server_is_not_started(
    digits: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = _Scratching(tmp_path / "scratch", "true")
    monkeypatch.setattr(STACKS, "_by_folder", {"scratching": {"scratching": stack}})

    def refuse() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        start(Deployment(digits["onnx"], "scratching"), folder=tmp_path / "server", before_exec=refuse)
    assert not (tmp_path / "scratch").exists()


def test_torchserve_leaves_nothing_where_it_is_not_started(
    digits: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    provide(ENVIRONMENT)
    # In a folder of its own whose path is short, as the one for the test need not be.
    with tempfile.TemporaryDirectory(prefix="t-", dir="/tmp") as usual:
        _torchserve_in(Path(usual), digits["onnx"], tmp_path, monkeypatch)


def _torchserve_in(usual: Path, artifact: Artifact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(usual))
    stack = STACKS.get("torchserve-rest")
    deployment = Deployment(artifact, stack.name, Settings())
    launch = stack.launch(deployment, host="127.0.0.1", ports=free_ports("127.0.0.1", stack.ports), folder=tmp_path)
    assert launch.scratch is not None
    assert launch.scratch.parent == usual
    assert not list(usual.iterdir())
    # Sockets in it would have paths that are too long.
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / ("long" * 25)))
    launch = stack.launch(deployment, host="127.0.0.1", ports=free_ports("127.0.0.1", stack.ports), folder=tmp_path)
    assert launch.scratch is not None
    assert launch.scratch.parent == Path("/tmp")
    assert not launch.scratch.exists()
