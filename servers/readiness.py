"""Waiting until a server really answers, whatever runs it, and why one did not."""

from __future__ import annotations

import re
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from servers.endpoint import Endpoint, Endpoints
from servers.errors import ServerError
from servers.protocols.client import connect
from servers.running import ServerProcess

_POLL_S: Final = 0.003
_ANSWER_S: Final = 1.0
_TAIL_BYTES: Final = 65536
_TELLING: Final = re.compile(r"error|exception|fail|cannot|unable", re.IGNORECASE)


class Ended(ServerError):
    """The server's process ended before it was ready."""


class NotReady(Exception):
    """A server did not get ready.

    Attributes:
        ended: whether its process has ended; else the time was over.
    """

    def __init__(self, *, ended: bool) -> None:
        super().__init__()
        self.ended = ended


def load_client(endpoints: Endpoints) -> None:
    """Load the client's library, which must not count as part of the server's start."""
    asked = endpoints.ready
    connect(asked.url, protocol=asked.protocol, timeout_s=_ANSWER_S).close()


def await_ready(endpoints: Endpoints, process: ServerProcess, deadline: float) -> tuple[int, int]:
    """Wait until the server's port is open and until it says that the model is ready.

    Args:
        deadline: by ``time.monotonic``.

    Returns:
        When each was first seen: CLOCK_MONOTONIC in ns.

    Raises:
        NotReady: the process ended, or the deadline is over.
    """
    answers, asked = endpoints.answers, endpoints.ready
    listening_ns = _await(_Port(answers).accepts, process, deadline)
    if asked.url != answers.url:
        _await(_Port(asked).accepts, process, deadline)
    # Connected only now: a gRPC channel that was refused once waits long before it tries again.
    with connect(asked.url, protocol=asked.protocol, timeout_s=_ANSWER_S) as client:
        return listening_ns, _await(lambda: client.ready(asked.model), process, deadline)


def accepts(endpoint: Endpoint) -> bool:
    """Whether the endpoint's port is open now."""
    return _Port(endpoint).accepts()


def why_not_ready(
    name: str, failed: NotReady, code: int | None, timeout_s: float, log: Path, failure: str | None = None
) -> ServerError:
    """Why a server did not get ready, in one line with what its log says.

    Args:
        name: of the server, in words.
        failed: by ``await_ready``.
        code: its exit code, negative when a signal ended it.
        timeout_s: how long it was waited for.
        log: its output, complete.
        failure: as in ``Launch``.
    """
    words = _last_words(log, failure)
    if failed.ended:
        return Ended(f"{name} ended with {_exit(code)} before it was ready{words}")
    return ServerError(f"{name} was not ready within {timeout_s:g} s{words}")


class _Port:
    """A port that is tried again and again; its host name is looked up until that succeeds, and then no more."""

    def __init__(self, endpoint: Endpoint) -> None:
        parts = urlsplit(endpoint.url)
        self._named = (str(parts.hostname), parts.port or 0)
        self._addresses: list[tuple[str, int]] = []

    def accepts(self) -> bool:
        if not self._addresses:
            with suppress(OSError):
                found = socket.getaddrinfo(*self._named, type=socket.SOCK_STREAM)
                self._addresses = [(str(entry[4][0]), int(entry[4][1])) for entry in found]
        return any(map(_accepts, self._addresses))


def _accepts(address: tuple[str, int]) -> bool:
    with suppress(OSError), socket.create_connection(address, timeout=_ANSWER_S):
        return True
    return False


def _await(condition: Callable[[], bool], process: ServerProcess, deadline: float) -> int:
    """When the condition was first seen to hold: CLOCK_MONOTONIC in ns."""
    while not condition():
        if process.poll() is not None:
            raise NotReady(ended=True)
        if time.monotonic() > deadline:
            raise NotReady(ended=False)
        time.sleep(_POLL_S)
    return time.monotonic_ns()


def _exit(code: int | None) -> str:
    if code is not None and code < 0:
        return f"signal {signal.Signals(-code).name}"
    return f"exit code {code}"


def _last_words(log: Path, failure: str | None) -> str:
    """What the log says of the failure: by its pattern, or in the last line that tells why, or else in the last one.

    And where the log is.
    """
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
        lines = [line.strip() for line in file.read().decode(errors="replace").splitlines() if line.strip()]
    found = [match[1] for line in lines if (match := re.search(failure, line))] if failure else []
    telling = found or [line for line in lines if _TELLING.search(line)] or lines or ["it said nothing"]
    return f": {telling[-1][:300]} (log: {log})"
