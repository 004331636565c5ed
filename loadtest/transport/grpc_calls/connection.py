"""One HTTP/2 connection to a gRPC server: many calls at once, and the times of each."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from time import monotonic_ns
from typing import Final, Protocol

from loadtest.http2 import frames
from loadtest.http2.connection import Http2Connection
from loadtest.http2.frames import Code, ConnectionFault, Kind
from loadtest.http2.headers import HeaderReader
from loadtest.records import Outcome
from loadtest.transport.grpc_calls.call import Call, interpret, prefix
from loadtest.transport.transport import Done, Request

_UNLIMITED: Final = 2**31


class Owner(Protocol):
    """Whoever keeps the connections."""

    def changed(self, connection: Connection) -> None:
        """The connection may have room for more calls, or less of it than before."""
        ...

    def lost(self, connection: Connection) -> None:
        """The connection takes no more calls. May be told more than once."""
        ...


class Wire:
    """Requests as they go over any connection: all bytes of their frames but the numbers of the streams."""

    def __init__(self, block: bytes, messages: Sequence[bytes]) -> None:
        """Take the header block of every request, of at most ``MAX_FRAME_SIZE`` bytes, and the messages."""
        self.begin = frames.frame_header(Kind.HEADERS, frames.END_HEADERS, len(block))
        self.block = block
        self.bodies = [prefix(message) + message for message in messages]
        self.middles = [block + frames.frame_header(Kind.DATA, frames.END_STREAM, len(body)) for body in self.bodies]
        self.sizes = [len(body) for body in self.bodies]


class Connection(Http2Connection):
    """Carries as many calls at once as the server allows.

    Attributes:
        settled: None once calls can be made, or the ``Outcome`` that the attempt to connect came to.
        most: calls that the server takes at once.
    """

    def __init__(
        self,
        owner: Owner,
        wire: Wire,
        done: Done,
        settled: asyncio.Future[Outcome | None],
        *,
        first_stream: int = 1,
    ) -> None:
        super().__init__(says=frames.PREFACE, hears=b"")
        self._owner = owner
        self._wire = wire
        self._done = done
        self._headers = HeaderReader(interpret)
        self._calls: dict[int, Call] = {}
        self._next_stream = first_stream
        self._draining = False
        self.most = _UNLIMITED
        self.settled = settled

    @property
    def usable(self) -> bool:
        """Whether it takes calls, now or when others have ended."""
        return self.settled.done() and not self._draining and not self.dead

    @property
    def room(self) -> int:
        """How many more calls it takes now."""
        return self.most - len(self._calls) if self.usable else 0

    def send(self, request: Request) -> None:
        """Start a call. There must be room."""
        stream = self._next_stream
        self._next_stream += 2
        self._calls[stream] = Call(request, stream)
        # No reference to the call: with the one back, each request would wait for a garbage collector that is off.
        request.handle = self, stream
        wire, item = self._wire, request.item
        size = wire.sizes[item]
        number = frames.stream_id(stream)
        if size <= self.outgoing.at_once:
            self.outgoing.take(size)
            data = b"".join((wire.begin, number, wire.middles[item], number, wire.bodies[item]))
            request.sent_ns = monotonic_ns()
            # uvloop tries the system call at once, so the time above is that of the write and not of its queueing.
            self.write(data)
        else:
            self._send_in_pieces(request, stream)
        if self._next_stream > frames.LARGEST_STREAM:
            self._drain()

    def cancel(self, stream: int) -> None:
        """Give the call on a stream up, without reporting its end."""
        if self._calls.pop(stream, None) and not self.dead:
            self.outgoing.drop(stream)
            self.write(frames.rst_stream(stream, Code.CANCEL))
            self._made_room()

    def abort(self) -> None:
        """Drop the connection and the calls on it, without reporting their end."""
        self.dead = True
        self._calls.clear()
        self.transport.abort()

    def on_greeting(self) -> None:
        """Calls can be made."""
        self._settle(None)

    def on_headers(self, stream: int, block: bytes, ends: bool) -> None:
        """The beginning or the end of a response."""
        said = self._headers.read(block)
        call = self._calls.get(stream)
        if call is None:
            self._check_known(stream)
        elif (outcome := call.headers(said, ends)) is not None:
            self._finish(call, outcome, ends)

    def on_data(self, stream: int, data: bytes, ends: bool) -> None:
        """A part of a response."""
        call = self._calls.get(stream)
        if call is None:
            self._check_known(stream)
        elif (outcome := call.data(data, ends)) is not None:
            self._finish(call, outcome, ends)

    def on_reset(self, stream: int) -> None:
        """The server gives a call up."""
        call = self._calls.get(stream)
        if call is None:
            self._check_known(stream)
        else:
            self._finish(call, Outcome.RESET, ends=True)

    def on_max_streams(self, most: int) -> None:
        """How many calls the server takes at once."""
        self.most = most
        self._owner.changed(self)

    def on_goaway(self, last_stream: int) -> None:
        """The server closes, and has not looked at calls after that one."""
        self._drain()
        for stream in [stream for stream in self._calls if stream > last_stream]:
            call = self._calls.pop(stream)
            self.outgoing.drop(stream)
            self._done(call.request, self.now_ns, Outcome.RESET)
        self._made_room()

    def on_fault(self) -> None:
        """What came is not HTTP/2."""
        self._fail(Outcome.MALFORMED)

    def eof_received(self) -> None:
        """The server closes: take the connection out of use before anything more is written to it."""
        self._draining = True
        self._owner.lost(self)

    def connection_lost(self, _error: Exception | None) -> None:
        """The connection is gone; calls that still waited have failed."""
        self.dead = True
        self.now_ns = monotonic_ns()
        self._fail(Outcome.RESET)

    def _send_in_pieces(self, request: Request, stream: int) -> None:
        def stamp() -> None:
            request.sent_ns = monotonic_ns()

        stamp()
        self.write(self._wire.begin + frames.stream_id(stream) + self._wire.block)
        self.outgoing.send(stream, self._wire.bodies[request.item], self.write, before_write=stamp)

    def _finish(self, call: Call, outcome: int, ends: bool) -> None:
        stream = call.stream
        del self._calls[stream]
        # Where the server still sends, or expects the rest of the request, it is told that nobody wants it.
        if self.outgoing.drop(stream) or not ends:
            self.write(frames.rst_stream(stream, Code.CANCEL))
        self._made_room()
        self._done(call.request, self.now_ns, outcome)

    def _made_room(self) -> None:
        if not self._draining:
            self._owner.changed(self)
        elif not self._calls:
            self.dead = True
            self.transport.close()

    def _drain(self) -> None:
        self._draining = True
        self._owner.lost(self)

    def _fail(self, outcome: Outcome) -> None:
        self._settle(outcome)
        self._owner.lost(self)
        calls, self._calls = self._calls, {}
        for call in calls.values():
            self._done(call.request, self.now_ns, outcome)

    def _settle(self, outcome: Outcome | None) -> None:
        if not self.settled.done():
            self.settled.set_result(outcome)

    def _check_known(self, stream: int) -> None:
        """Frames may still come for a call that is over, but not for one that never was."""
        if not stream % 2 or stream >= self._next_stream:
            raise ConnectionFault(Code.PROTOCOL_ERROR, f"a frame on stream {stream}, which was never opened")
