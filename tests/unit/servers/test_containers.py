"""Servers in containers, as far as it takes no engine: how one is found, asked, taken and put back."""

import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from servers.containers import ContainerProcess, Engine, EngineError, Takeover
from servers.containers.engine import State

ALWAYS = {"Name": "always", "MaximumRetryCount": 0}


@dataclass
class FakeContainer:
    """A container that does what it is told, but for ``refuses``."""

    name: str
    running: bool = True
    cpuset: str = ""
    restart: Any = field(default_factory=lambda: {"Name": "no"})
    exit_code: int = 0
    refuses: str = ""
    did: list[str] = field(default_factory=list)
    asked: int = 0
    grace_s: int = 3
    command: tuple[str, ...] = ("serve",)
    on_start: Callable[[], None] = lambda: None

    def _do(self, what: str) -> None:
        self.did.append(what)
        if what.partition(" ")[0] == self.refuses:
            raise EngineError(f"cannot {what}")

    def state(self) -> State:
        self.asked += 1
        return State(self.running, self.exit_code)

    def start(self) -> None:
        self._do("start")
        self.running = True
        self.on_start()

    def stop(self, grace_s: float) -> None:
        self._do(f"stop {grace_s:g}")
        self.running = False

    def update(self, *, cpuset: str | None = None, restart: Any = None) -> None:
        self._do(f"cpuset {cpuset}" if cpuset is not None else f"restart {restart['Name']}")

    def write_log(self, path: Path, since_s: float) -> None:  # noqa: ARG002
        path.write_text("what it said\n")


def container(**fields: Any) -> Any:
    return FakeContainer(**{"name": "served-1", **fields})


def test_where_there_is_no_engine_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    socket = tmp_path / "docker.sock"
    monkeypatch.setenv("DOCKER_HOST", f"unix://{socket}")
    with pytest.raises(EngineError, match=f"^no engine's socket at {socket}$"):
        Engine.find()
    socket.touch()
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(EngineError, match=f"^this user may not use the engine's socket at {socket}$"):
        Engine.find()
    monkeypatch.undo()
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    with pytest.raises(EngineError, match=r"^the container engine: .*Connection refused") as caught:
        Engine.find()
    assert "\n" not in str(caught.value)


def test_a_container_is_not_asked_at_every_look(tmp_path: Path) -> None:
    served = container()
    process = ContainerProcess.start(served, log=tmp_path / "server.log")
    assert process.started_ns > 0
    assert [process.poll() for _ in range(1000)] == [None] * 1000
    assert 1 <= served.asked < 20, "which took less than 20 times 0.2 s"


@pytest.mark.parametrize(("told", "code"), [(0, 0), (3, 3), (137, -signal.SIGKILL), (255, 255)])
def test_an_exit_code_is_negative_when_a_signal_ended_it(tmp_path: Path, told: int, code: int) -> None:
    process = ContainerProcess.start(container(exit_code=told), log=tmp_path / "server.log")
    assert process.stop(2) == code
    assert process.poll() == code
    assert (tmp_path / "server.log").read_text() == "what it said\n"


def test_a_container_whose_start_is_interrupted_is_stopped(tmp_path: Path) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    served = container(running=False, on_start=interrupt)
    with pytest.raises(KeyboardInterrupt):
        ContainerProcess.start(served, log=tmp_path / "server.log")
    assert not served.running


def test_containers_are_stopped_and_in_the_end_as_they_were() -> None:
    pinned, free = container(cpuset="0-1", restart=ALWAYS), container(running=False)
    with Takeover([pinned, free], pytest.fail) as takeover:
        assert not pinned.running
        takeover.limit((1,))
    assert pinned.did == ["restart no", "stop 3", "cpuset 1", "stop 3", "cpuset 0-1", "restart always", "start"]
    online = Path("/sys/devices/system/cpu/online").read_text().strip()
    assert free.did == ["stop 3", "cpuset 1", "stop 3", f"cpuset {online}"], "it did not run"
    assert (pinned.running, free.running) == (True, False)


def test_one_that_cannot_be_stopped_leaves_all_as_they_were() -> None:
    first, stubborn = container(), container(name="stubborn-1", refuses="stop")
    told: list[str] = []
    with pytest.raises(EngineError, match="cannot stop"), Takeover([first, stubborn], told.append):
        pytest.fail("entered")
    assert first.running
    assert told == ["stubborn-1 is not as it was (cannot stop 3): docker compose up -d --force-recreate"]


def test_putting_back_is_not_interrupted() -> None:
    served = container(on_start=lambda: signal.raise_signal(signal.SIGINT))
    before = signal.getsignal(signal.SIGINT)
    with Takeover([served], pytest.fail):
        pass
    assert served.running
    assert signal.getsignal(signal.SIGINT) is before
