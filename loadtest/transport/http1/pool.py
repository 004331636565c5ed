"""Connections to one server, as many as the load needs."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from time import monotonic_ns

from loadtest.records import Outcome
from loadtest.transport.dialer import Dialer
from loadtest.transport.http1.connection import Connection
from loadtest.transport.transport import Connections, Done, Request


class ConnectionPool:
    """Keep-alive connections that grow with the load, and the requests that wait for one.

    Idle connections take turns: a server with several workers then has all of them at work, and none idles until
    the server closes it.
    """

    inline = True

    def __init__(self, dialer: Dialer, payloads: Sequence[bytes], connections: Connections, done: Done) -> None:
        self._dialer = dialer
        self._payloads = payloads
        self._limits = connections
        self._done = done
        self._all: set[Connection] = set()
        self._idle: deque[Connection] = deque()
        self._waiting: deque[Request] = deque()
        self._attempts: set[asyncio.Task[None]] = set()
        self._connecting = 0
        # How few may be idle before more are opened; grows with the load.
        self._low = connections.spare

    async def open(self) -> None:
        """Resolve the host once, and open the connections that should be ready.

        Raises:
            LoadError: no such host.
        """
        self._loop = asyncio.get_running_loop()
        await self._dialer.resolve()
        self._connect(min(self._limits.ready, self._limits.most))
        await asyncio.gather(*self._attempts)

    def submit(self, request: Request) -> None:
        """Send now if a connection is idle, else as soon as one is."""
        if self._idle:
            self._idle.popleft().send(request, self._payloads[request.item])
            if len(self._idle) < self._low:
                self._grow()
        else:
            self._waiting.append(request)
            self._grow()

    def cancel(self, request: Request) -> None:
        """Drop the request, with the connection that it is on: its answer may still come there."""
        connection: Connection | None = request.handle
        if connection is None:
            self._waiting.remove(request)
        else:
            connection.abort()
            self.lost(connection)

    async def close(self) -> None:
        """Close all, and wait until the loop has dealt with it."""
        for attempt in self._attempts:
            attempt.cancel()
        for connection in list(self._all):
            connection.abort()
        await asyncio.sleep(0)

    def opened(self, connection: Connection) -> None:
        """A new connection, for the request that waits longest or as a spare."""
        self._connecting -= 1
        self._all.add(connection)
        self.freed(connection)

    def freed(self, connection: Connection) -> None:
        """A connection to be used again."""
        if self._waiting:
            request = self._waiting.popleft()
            connection.send(request, self._payloads[request.item])
        else:
            self._idle.append(connection)

    def lost(self, connection: Connection) -> None:
        """A connection that is gone."""
        self._all.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        # Those who wait may have counted on it. Spares are only opened again on demand: a server that is down, or
        # that closes what idles, is not to be kept busy by connecting.
        if self._waiting:
            self._grow()

    def _grow(self) -> None:
        busy = len(self._all) - len(self._idle)
        if self._limits.spare:
            self._low = max(self._limits.spare, busy // 4)
        wanted = len(self._waiting) + self._low - len(self._idle) - self._connecting
        self._connect(min(wanted, self._limits.most - len(self._all) - self._connecting))

    def _connect(self, count: int) -> None:
        for _ in range(count):
            self._connecting += 1
            attempt = self._loop.create_task(self._attempt())
            self._attempts.add(attempt)
            attempt.add_done_callback(self._attempts.discard)

    async def _attempt(self) -> None:
        connection = Connection(self, self._done)
        try:
            async with asyncio.timeout(self._limits.timeout_s):
                await self._dialer.connect(lambda: connection)
        except OSError as error:
            self._refuse(Outcome.TIMEOUT if isinstance(error, TimeoutError) else Outcome.REFUSED)

    def _refuse(self, outcome: Outcome) -> None:
        self._connecting -= 1
        # Each attempt was made for one request at most, so each that fails fails one.
        if self._waiting:
            self._done(self._waiting.popleft(), monotonic_ns(), outcome)
