"""One keep-alive connection: a request out, its response in, and the times of both."""

from __future__ import annotations

import asyncio
from time import monotonic_ns
from typing import Protocol, cast

import httptools

from loadtest.records import Outcome
from loadtest.transport.transport import Done, Request


class Owner(Protocol):
    """Whoever keeps the connections."""

    def opened(self, connection: Connection) -> None:
        """The connection can be used."""
        ...

    def freed(self, connection: Connection) -> None:
        """The connection has its response and can be used again."""
        ...

    def lost(self, connection: Connection) -> None:
        """The connection cannot be used any more. May be told more than once."""
        ...


class Connection(asyncio.Protocol):
    """Carries one request at a time; there is no pipelining."""

    def __init__(self, owner: Owner, done: Done) -> None:
        self._owner = owner
        self._done = done
        self._request: Request | None = None
        self._kept: list[bytes] = []
        self._complete = False
        self._keep_alive = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ready for the first request."""
        self._transport = cast(asyncio.Transport, transport)
        self._write = self._transport.write
        self._parser = httptools.HttpResponseParser(self)
        self._owner.opened(self)

    def send(self, request: Request, payload: bytes) -> None:
        """Write a request. The connection must be free."""
        self._request = request
        request.handle = self
        request.sent_ns = monotonic_ns()
        # uvloop tries the system call at once, so the time above is that of the write and not of its queueing.
        self._write(payload)

    def abort(self) -> None:
        """Drop the connection and the request on it, if there is one, without reporting its end."""
        self._request = None
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Bytes of a response; those that complete it end the request at the time read first thing here."""
        now_ns = monotonic_ns()
        request = self._request
        if request is None:
            # Nothing was asked: whatever this is, the next response could not be told from it.
            self._owner.lost(self)
            self._transport.abort()
            return
        if request.keep:
            self._kept.append(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._fail(Outcome.MALFORMED, now_ns)
            self._transport.abort()
            return
        if self._complete:
            self._finish(request, now_ns)

    def on_message_complete(self) -> None:
        """The parser has seen a whole response."""
        if self._complete:
            raise httptools.HttpParserError("two responses to one request")
        if self._parser.get_status_code() >= 200:  # an interim response such as 100 comes before the response
            self._complete = True
            # Only now: the parser forgets it when it returns.
            self._keep_alive = self._parser.should_keep_alive()

    def eof_received(self) -> None:
        """The server closes: take the connection out of use before anything more is written to it."""
        self._owner.lost(self)

    def connection_lost(self, _error: Exception | None) -> None:
        """The connection is gone; a request that still waited has failed."""
        self._owner.lost(self)
        if self._request is not None:
            self._fail(Outcome.RESET, monotonic_ns())

    def _finish(self, request: Request, now_ns: int) -> None:
        self._request = None
        self._complete = False
        if request.keep:
            request.answer = b"".join(self._kept)
            self._kept.clear()
        if self._keep_alive:
            self._owner.freed(self)
        else:
            self._owner.lost(self)
            self._transport.close()
        status = self._parser.get_status_code()
        self._done(request, now_ns, Outcome.OK if status == 200 else Outcome.HTTP + status)

    def _fail(self, outcome: Outcome, now_ns: int) -> None:
        request, self._request = self._request, None
        assert request is not None
        self._owner.lost(self)
        self._done(request, now_ns, outcome)
