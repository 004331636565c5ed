"""Having the containers of services to oneself for a while: stopped, on cores of our choice, and then as before."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from servers.containers.engine import EngineError, ServiceContainer

_STOPPING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_ONLINE: Final = Path("/sys/devices/system/cpu/online")


@dataclass(frozen=True)
class _Before:
    """How a container was found."""

    container: ServiceContainer
    running: bool
    cpuset: str
    restart: Mapping[str, Any]


class Takeover:
    """Containers that are stopped on entering and not restarted by the engine, until they run as before on leaving.

    On leaving they are as they were, whatever way that comes, SIGKILL excepted; those that ran run again, and a further
    Ctrl-C does not stop that. A container that could use all cores is given all by name: the engine cannot take a
    choice of cores back.

    Args:
        containers: all that is to be stopped.
        tell: told in one line what could not be put back.
    """

    def __init__(self, containers: Sequence[ServiceContainer], tell: Callable[[str], None]) -> None:
        self._containers = containers
        self._tell = tell
        self._before: list[_Before] = []

    def __enter__(self) -> Self:
        """Stop them.

        Raises:
            EngineError: one cannot be stopped. All are as they were then.
        """
        try:
            for each in self._containers:
                self._before.append(_Before(each, each.state().running, each.cpuset, each.restart))
                if each.restart.get("Name", "no") not in ("", "no"):
                    each.update(restart={"Name": "no"})
                each.stop(each.grace_s)
        except BaseException:
            self._put_back()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._put_back()

    def limit(self, cores: Sequence[int]) -> None:
        """Let all of them use these cores only, from their next start on.

        Raises:
            EngineError: the engine cannot do that.
        """
        for before in self._before:
            before.container.update(cpuset=",".join(map(str, cores)))
            before.container.cpuset = ",".join(map(str, cores))

    def _put_back(self) -> None:
        with _not_interrupted():
            for before in self._before:
                try:
                    _restore(before)
                except (EngineError, OSError) as error:
                    mend = "docker compose up -d --force-recreate"
                    self._tell(f"{before.container.name} is not as it was ({error}): {mend}")


def _restore(before: _Before) -> None:
    container = before.container
    container.stop(container.grace_s)
    if container.cpuset != before.cpuset:
        container.update(cpuset=before.cpuset or _ONLINE.read_text(encoding="ascii").strip())
    if before.restart.get("Name", "no") not in ("", "no"):
        container.update(restart=before.restart)
    if before.running:
        container.start()


@contextmanager
def _not_interrupted() -> Iterator[None]:
    """Ignore the signals that stop us, for a moment."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handlers = {number: signal.signal(number, signal.SIG_IGN) for number in _STOPPING}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler or signal.SIG_DFL)
