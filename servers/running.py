"""A server that runs, wherever it does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from servers.endpoint import Endpoint
from servers.errors import ServerError
from servers.stack import Launch


class ServerProcess(Protocol):
    """What runs a server: a process under a supervisor, or a container."""

    pid: int | None
    """Its number, where it can be seen from here."""

    def poll(self) -> int | None:
        """The exit code, negative when a signal ended it; None while it runs."""
        ...

    def stop(self, grace_s: float) -> int:
        """End it, by force after ``grace_s`` seconds, and return the exit code; it may have ended already."""
        ...


@dataclass(frozen=True)
class RunningServer:
    """A server that is ready. As a context manager it stops the server at the end.

    Attributes:
        launch: how it was started.
        ports: its port numbers by what they are for.
        process: the server's process, or what stands for it.
        started_ns: CLOCK_MONOTONIC just before the server's exec, or its container's start; None where it ran before.
        listening_ns: CLOCK_MONOTONIC when its port was first seen open.
        ready_ns: CLOCK_MONOTONIC when it first said that the model is ready.
        log: its output.
    """

    launch: Launch
    ports: Mapping[str, int]
    process: ServerProcess
    started_ns: int | None
    listening_ns: int
    ready_ns: int
    log: Path

    @property
    def endpoint(self) -> Endpoint:
        """Where it answers."""
        return self.launch.endpoints.answers

    def stop(self) -> None:
        """Stop the server; it may already have ended."""
        self.process.stop(self.launch.grace_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.stop()
        except ServerError:
            if error is None:
                raise  # else what came first is what is told, such as Ctrl-C
