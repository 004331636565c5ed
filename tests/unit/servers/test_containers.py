"""Servers in containers, as far as it takes no engine: how one is found, asked, taken and put back."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import urllib3

from servers import Deployment, Endpoint, Endpoints, Launch, RunningServer, Settings, start
from servers.containers import (
    ContainerProcess,
    Engine,
    EngineError,
    Service,
    ServiceContainer,
    ServicesError,
    Takeover,
    hold_services,
    services_folder,
    write_service,
)
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


@contextmanager
def raising(error: type[BaseException]) -> Iterator[None]:
    yield
    raise error


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


def test_an_interrupt_is_told_rather_than_an_engine_that_then_fails(tmp_path: Path) -> None:
    def interrupt() -> None:
        served.refuses = "stop"
        raise KeyboardInterrupt

    served = container(running=False, on_start=interrupt)
    with pytest.raises(KeyboardInterrupt):
        ContainerProcess.start(served, log=tmp_path / "server.log")
    assert served.did == ["stop 3", "start", "stop 3"]


def test_a_container_that_somebody_started_meanwhile_is_started_afresh(tmp_path: Path) -> None:
    served = container(running=True)
    ContainerProcess.start(served, log=tmp_path / "server.log")
    assert served.did == ["stop 3", "start"]


@pytest.mark.parametrize(("stopped_by", "told"), [(KeyboardInterrupt, KeyboardInterrupt), (None, EngineError)])
def test_what_stopped_a_run_is_told_rather_than_an_engine_that_then_fails(
    tmp_path: Path, stopped_by: type[BaseException] | None, told: type[BaseException]
) -> None:
    process = ContainerProcess.start(container(), log=tmp_path / "server.log")
    process.container.refuses = "stop"  # type: ignore[attr-defined]  # it is a fake
    endpoint = Endpoint("oip-http", "http://127.0.0.1:1", "digits")
    launch = Launch((), Endpoints(endpoint, endpoint))
    server = RunningServer(launch, {}, process, 1, 2, 3, tmp_path / "server.log")
    with pytest.raises(told), server, nullcontext() if stopped_by is None else raising(stopped_by):
        pass


def test_a_container_is_stopped_where_the_engine_does_not_tell_its_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAILBED_HOME", str(tmp_path))
    folder = services_folder() / "nowhere"
    folder.mkdir(parents=True)
    write_service(
        Service(name="nowhere", kind="fastapi", model="digits", artifact=folder, settings=Settings(), runtime="none")
    )
    served = container(running=False)

    def fail() -> State:
        raise EngineError("it does not tell")

    served.state = fail
    engine: Any = SimpleNamespace(containers=lambda _: [served])
    artifact: Any = None
    deployment = Deployment(artifact, "fastapi", service="nowhere")
    with pytest.raises(EngineError, match=r"^it does not tell$"):
        start(deployment, folder=tmp_path / "server", timeout_s=60, engine=engine)
    assert not served.running


def test_a_log_that_breaks_off_is_one_line(tmp_path: Path) -> None:
    def logs(**_: object) -> Iterator[bytes]:
        yield b"what it said\n"
        raise urllib3.exceptions.ProtocolError("Connection broken")

    attributes = {
        "Path": "serve",
        "Args": [],
        "Config": {},
        "HostConfig": {"CpusetCpus": "", "RestartPolicy": {"Name": "no"}},
    }
    served = ServiceContainer(SimpleNamespace(name="served-1", attrs=attributes, logs=logs), "28")
    with pytest.raises(EngineError, match=r"^the container engine: Connection broken$"):
        served.write_log(tmp_path / "server.log", 0)
    assert (tmp_path / "server.log").read_text() == "what it said\n"


def test_services_are_held_by_one_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAILBED_HOME", str(tmp_path))
    services_folder().mkdir()
    with hold_services():
        with pytest.raises(ServicesError, match="another tailbed bench or prepare has the services"), hold_services():
            pytest.fail("entered")
        with pytest.raises(ServicesError), hold_services():
            pytest.fail("entered, since who was refused gave it back")
    with hold_services():
        pass


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


def test_all_are_put_back_where_one_of_them_cannot_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("servers.containers.takeover._ONLINE", tmp_path / "online")
    free, pinned = container(), container(cpuset="0")
    told: list[str] = []
    with Takeover([free, pinned], told.append) as takeover:
        takeover.limit((1,))
    assert pinned.did[-2:] == ["cpuset 0", "start"]
    assert [line.partition(" (")[0] for line in told] == ["served-1 is not as it was"]


def test_putting_back_is_not_interrupted() -> None:
    served = container(on_start=lambda: signal.raise_signal(signal.SIGINT))
    before = signal.getsignal(signal.SIGINT)
    with Takeover([served], pytest.fail):
        pass
    assert served.running
    assert signal.getsignal(signal.SIGINT) is before
