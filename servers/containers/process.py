"""What stands for a server's process where it runs in a container."""

from __future__ import annotations

import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

from servers.containers.engine import EngineError, ServiceContainer

_ASK_S: Final = 0.2
"""Between two questions to the engine: its answers take time from the server that is waited for."""


class ContainerProcess:
    """A container that was started for a deployment and is stopped at its end.

    Attributes:
        pid: None: it has a number in a PID namespace that is not ours.
        container: the container.
        started_ns: CLOCK_MONOTONIC just before the engine was told to start it.
    """

    def __init__(self, container: ServiceContainer, log: Path) -> None:
        self.pid: int | None = None
        self.container = container
        self.started_ns = 0
        self._log = log
        self._since_s = time.time()
        self._asked_s = -_ASK_S
        self._code: int | None = None
        self._stopped = False

    @classmethod
    def start(cls, container: ServiceContainer, *, log: Path) -> Self:
        """Start ``container`` afresh, its output in ``log`` when it has been stopped.

        Raises:
            EngineError: it cannot be started. It does not run then, as far as the engine does what it is told.
        """
        # Somebody may have started it meanwhile, and one that runs already would count as one that starts at once.
        container.stop(container.grace_s)
        process = cls(container, log)
        process.started_ns = time.monotonic_ns()
        try:
            container.start()
        except BaseException:  # Ctrl-C: it may have been started
            with suppress(EngineError):
                process.stop(container.grace_s)
            raise
        return process

    def poll(self) -> int | None:
        """The exit code, negative when a signal ended it; None while it runs, as far as the engine was asked."""
        now_s = time.monotonic()
        if self._code is None and now_s - self._asked_s >= _ASK_S:
            self._code = self._ended()
            self._asked_s = time.monotonic()
        return self._code

    def stop(self, grace_s: float) -> int:
        """End it, by force after ``grace_s`` seconds, write its log, and return the exit code."""
        if not self._stopped:
            self.container.stop(grace_s)
            self._code = self._ended()
            self.container.write_log(self._log, self._since_s)
            self._stopped = True
        return self._code or 0

    def _ended(self) -> int | None:
        state = self.container.state()
        if state.running:
            return None
        number = state.exit_code - 128  # as shells have it
        return -number if number in signal.valid_signals() else state.exit_code


class LeftAlone:
    """A server that others started and that goes on: nothing is known of its process."""

    pid: int | None = None

    def poll(self) -> int | None:
        """None: whether it runs is not known."""
        return None

    def stop(self, grace_s: float) -> int:  # noqa: ARG002  # as every server's process has it
        """Does nothing."""
        return 0
