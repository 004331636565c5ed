"""Connections to one gRPC server: as few as its limit of concurrent streams lets."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from time import monotonic_ns
from typing import Self

from loadtest.errors import LoadError
from loadtest.http2 import frames, headers
from loadtest.records import Outcome
from loadtest.transport.dialer import Dialer
from loadtest.transport.grpc_calls.connection import Connection, Wire
from loadtest.transport.transport import Connections, Done, Request
from servers.target import Target


class CallPool:
    """One connection, as gRPC's own clients have it, and more where a server takes fewer calls on it than there are."""

    inline = True

    def __init__(self, dialer: Dialer, wire: Wire, connections: Connections, done: Done) -> None:
        self._dialer = dialer
        self._wire = wire
        self._limits = connections
        self._done = done
        self._all: set[Connection] = set()
        # Ordered: the oldest connection with room is taken, so that none but the last is filled in part.
        self._with_room: dict[Connection, None] = {}
        self._waiting: deque[Request] = deque()
        self._attempts: set[asyncio.Task[None]] = set()
        self._calls_each = 0

    @classmethod
    def to(cls, target: Target, path: str, messages: Sequence[bytes], connections: Connections, done: Done) -> Self:
        """Calls of the method at ``path``, such as ``/package.Service/Method``, with serialized messages.

        Raises:
            LoadError: the headers are too large.
        """
        block = headers.encode(
            {
                ":method": "POST",
                ":scheme": "https" if target.tls else "http",
                ":path": path,
                ":authority": target.authority,
                "te": "trailers",
                "content-type": "application/grpc",
                "user-agent": "tailbed",
                **target.headers,
            }.items()
        )
        if len(block) > frames.MAX_FRAME_SIZE:
            raise LoadError(f"{target.url}: the headers are too large: {len(block)} bytes, {frames.MAX_FRAME_SIZE} fit")
        return cls(Dialer(target, timeout_s=connections.timeout_s), Wire(block, messages), connections, done)

    async def open(self) -> None:
        """Resolve the host once, and open a connection.

        Raises:
            LoadError: no such host.
        """
        self._loop = asyncio.get_running_loop()
        await self._dialer.resolve()
        self._connect()
        await asyncio.gather(*self._attempts)

    def submit(self, request: Request) -> None:
        """Call now if a connection has room, else as soon as one has."""
        for connection in self._with_room:
            connection.send(request)
            if connection.room <= 0:
                self._with_room.pop(connection, None)
            return
        self._waiting.append(request)
        self._grow()

    def cancel(self, request: Request) -> None:
        """Cancel its call; the others on the connection go on."""
        if request.handle is None:
            self._waiting.remove(request)
        else:
            connection, stream = request.handle
            connection.cancel(stream)

    async def close(self) -> None:
        """Close all, and wait until the loop has dealt with it."""
        for attempt in self._attempts:
            attempt.cancel()
        for connection in list(self._all):
            connection.abort()
        await asyncio.sleep(0)

    def changed(self, connection: Connection) -> None:
        """A connection has more room, or less: those who wait come first."""
        if not connection.usable:
            return
        self._calls_each = connection.most
        while self._waiting and connection.room > 0:
            connection.send(self._waiting.popleft())
        if connection.room > 0:
            self._with_room[connection] = None
        else:
            self._with_room.pop(connection, None)

    def lost(self, connection: Connection) -> None:
        """A connection that takes no more calls."""
        self._with_room.pop(connection, None)
        # It stays among all until its last call has ended, since it has to be closed.
        if connection.dead:
            self._all.discard(connection)
        if self._waiting:
            self._grow()

    def _grow(self) -> None:
        needed = -(-len(self._waiting) // max(1, self._calls_each)) if self._calls_each else 1
        wanted = min(needed - len(self._attempts), self._limits.most - len(self._all) - len(self._attempts))
        for _ in range(wanted):
            self._connect()

    def _connect(self) -> None:
        attempt = self._loop.create_task(self._attempt())
        self._attempts.add(attempt)

    async def _attempt(self) -> None:
        connection = Connection(self, self._wire, self._done, self._loop.create_future())
        outcome: Outcome | None
        try:
            async with asyncio.timeout(self._limits.timeout_s):
                await self._dialer.connect(lambda: connection)
                self._all.add(connection)
                outcome = await connection.settled
        except TimeoutError:
            outcome = Outcome.TIMEOUT
        except OSError:
            outcome = Outcome.REFUSED
        finally:
            self._attempts.discard(asyncio.current_task())
        if outcome is None and connection.usable:
            self.changed(connection)
        else:
            self._refuse(connection, Outcome.RESET if outcome is None else outcome)

    def _refuse(self, connection: Connection, outcome: Outcome) -> None:
        if connection in self._all:
            connection.abort()
            self._all.discard(connection)
        # While another connection is there or on its way, those who wait can wait for that one.
        if not self._attempts and not any(other.usable for other in self._all):
            waiting, self._waiting = self._waiting, deque()
            for request in waiting:
                self._done(request, monotonic_ns(), outcome)
