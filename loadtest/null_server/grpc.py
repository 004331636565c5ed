"""Answers any protocol over gRPC with bytes made up beforehand, as fast as Python can."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

from loadtest.http2 import frames
from loadtest.http2.connection import Http2Connection
from loadtest.http2.frames import Code, ConnectionFault, Kind
from loadtest.http2.headers import HeaderReader, Headers, encode
from loadtest.null_server.model import BACKLOG, NullModel
from loadtest.transport.grpc_calls.call import PREFIX_SIZE, prefix
from models import Registry

_HEADERS: Final = encode(((":status", "200"), ("content-type", "application/grpc")))
_TRAILERS: Final = encode((("grpc-status", "0"),))
_UNIMPLEMENTED: Final = encode(((":status", "200"), ("content-type", "application/grpc"), ("grpc-status", "12")))
_BEGIN: Final = frames.frame_header(Kind.HEADERS, frames.END_HEADERS, len(_HEADERS))
_END: Final = frames.frame_header(Kind.HEADERS, frames.END_HEADERS | frames.END_STREAM, len(_TRAILERS))


class _Answer:
    """A response: all bytes of its frames but the numbers of the streams."""

    def __init__(self, serialized: bytes) -> None:
        self.body = prefix(serialized) + serialized
        self.middle = _HEADERS + frames.frame_header(Kind.DATA, 0, len(self.body))
        self.body_and_end = self.body + _END


class GrpcNull(Protocol):
    """The ready answers of a null model in one protocol; any model name is known and ready.

    Attributes:
        infer: the path of the call that the load makes.
        answer: the serialized answer to it.
    """

    infer: str
    answer: bytes

    def respond(self, path: str, message: bytes) -> bytes | None:
        """The serialized answer to any other call, None where there is no such method."""
        ...


NULLS: Registry[Callable[[NullModel], GrpcNull]] = Registry("loadtest.protocols", entry="null", attribute="NULL")
"""Every ``loadtest/protocols/<name>/null.py`` of a protocol over gRPC."""


def _path(headers: Headers) -> str:
    return dict(headers).get(b":path", b"").decode("latin-1")


class _Stream:
    __slots__ = ("body", "extra_window", "path")

    def __init__(self, path: str) -> None:
        self.path = path
        self.body: list[bytes] = []
        self.extra_window = 0


class _Connection(Http2Connection):
    def __init__(self, null: GrpcNull, model: NullModel, answer: _Answer) -> None:
        super().__init__(says=b"", hears=frames.PREFACE)
        self._null = null
        self._model = model
        self._answer = answer
        self._headers = HeaderReader(_path)
        self._streams: dict[int, _Stream] = {}
        self._last = 0
        self._pending: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        # What is asked together is answered with one write: it is the client that is measured.
        self.write = self._pending.append

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._flush()

    def on_greeting(self) -> None:
        pass

    def on_headers(self, stream: int, block: bytes, ends: bool) -> None:
        path = self._headers.read(block)
        if not (found := self._streams.get(stream)):
            if not stream % 2 or stream <= self._last:
                raise ConnectionFault(Code.STREAM_CLOSED, f"HEADERS on stream {stream}")
            self._last = stream
            found = self._streams[stream] = _Stream(path)
        if ends:
            self._respond(stream, found)

    def on_data(self, stream: int, data: bytes, ends: bool) -> None:
        if found := self._streams.get(stream):
            if found.path != self._null.infer:
                found.body.append(data)
            if ends:
                self._respond(stream, found)

    def on_reset(self, stream: int) -> None:
        self._streams.pop(stream, None)
        self.outgoing.drop(stream)

    def on_window_update(self, stream: int, size: int) -> None:
        if not self.outgoing.on_window_update(stream, size, self.write) and (found := self._streams.get(stream)):
            found.extra_window += size

    def on_fault(self) -> None:
        self._streams.clear()

    def connection_lost(self, _error: Exception | None) -> None:
        self.dead = True

    def _flush(self) -> None:
        if self._pending and not self.dead:
            self.transport.write(b"".join(self._pending))
        self._pending.clear()

    def _respond(self, stream: int, found: _Stream) -> None:
        del self._streams[stream]
        answer = self._answer_to(found)
        number = frames.stream_id(stream)
        if answer is None:
            kind = frames.END_HEADERS | frames.END_STREAM
            self.write(frames.frame(Kind.HEADERS, kind, stream, _UNIMPLEMENTED))
        elif (size := len(answer.body)) <= self.outgoing.at_once:
            self.outgoing.take(size)
            self._pending += (_BEGIN, number, answer.middle, number, answer.body_and_end, number, _TRAILERS)
        else:
            self._pending += (_BEGIN, number, _HEADERS)
            self.outgoing.send(
                stream,
                answer.body,
                self.write,
                extra_window=found.extra_window,
                tail=_END + number + _TRAILERS,
            )
        if self._model.delay_us:
            # Its service time is to be each request's own, not that of all that came together.
            self._flush()

    def _answer_to(self, asked: _Stream) -> _Answer | None:
        if asked.path == self._null.infer:
            self._model.compute()
            return self._answer
        message = self._null.respond(asked.path, b"".join(asked.body)[PREFIX_SIZE:])
        return None if message is None else _Answer(message)


async def serve(protocol: str, model: NullModel, host: str, port: int) -> asyncio.Server:
    """Listen at ``host:port``, or at a free port for 0."""
    null = NULLS.get(protocol)(model)
    answer = _Answer(null.answer)
    loop = asyncio.get_running_loop()
    return await loop.create_server(lambda: _Connection(null, model, answer), host, port, backlog=BACKLOG)
