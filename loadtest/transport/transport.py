"""What a transport is to the load engine: it sends prebuilt requests to one endpoint and reports how each ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol


class Request:
    """One request, from the moment it is intended until its outcome is known.

    Attributes:
        intended_ns: when it should be sent, CLOCK_MONOTONIC.
        item: the item of the pool to be sent.
        keep: whether the answer's bytes are wanted.
        sent_ns: set by the transport at the write; 0 until then.
        answer: set by the transport to the whole answer as it came, where ``keep`` asks for it.
        handle: the transport's own.
    """

    __slots__ = ("answer", "handle", "intended_ns", "item", "keep", "sent_ns")

    def __init__(self, intended_ns: int, item: int, keep: bool) -> None:
        self.intended_ns = intended_ns
        self.item = item
        self.keep = keep
        self.sent_ns = 0
        self.answer = b""
        self.handle: Any = None


Done = Callable[[Request, int, int], None]
"""Told of a request's end once: the request, CLOCK_MONOTONIC of the bytes that completed it, its ``Outcome``."""


@dataclass(frozen=True)
class Connections:
    """How a transport may connect.

    Attributes:
        ready: connections to open before the first request.
        spare: idle connections to hold ready for load that grows; 0 where the load's concurrency is known.
        most: never more than this.
        timeout_s: for one attempt.
    """

    ready: int
    spare: int
    most: int
    timeout_s: float


class Transport(Protocol):
    """Sends requests to one endpoint, on the running event loop. The engine bounds how many are outstanding."""

    inline: bool
    """Whether all of its input and output happens on the loop's own thread, so that the loop may spin."""

    async def open(self) -> None:
        """Connect as far as the endpoint lets; a dead one fails the requests, not this."""
        ...

    def submit(self, request: Request) -> None:
        """Send ``request`` as soon as a connection is free. Never blocks, and never reports the end from within."""
        ...

    def cancel(self, request: Request) -> None:
        """Give ``request`` up, wherever it is; its end is not reported any more."""
        ...

    async def close(self) -> None:
        """Close all connections."""
        ...
