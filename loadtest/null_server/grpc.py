"""Answers the Open Inference Protocol over gRPC with bytes made up beforehand, as fast as Python can."""

from __future__ import annotations

import asyncio
from typing import Final

from google.protobuf.message import DecodeError, Message
from tritonclient.grpc import service_pb2 as pb

from loadtest.http2 import frames
from loadtest.http2.connection import Http2Connection
from loadtest.http2.frames import Code, ConnectionFault, Kind
from loadtest.http2.headers import HeaderReader, Headers, encode
from loadtest.null_server.model import BACKLOG, NullModel
from loadtest.protocols.oip_grpc.call import PREFIX_SIZE, prefix
from servers.oip import grpc

_SERVICE: Final = "/inference.GRPCInferenceService/"
_INFER: Final = f"{_SERVICE}ModelInfer"
_HEADERS: Final = encode(((":status", "200"), ("content-type", "application/grpc")))
_TRAILERS: Final = encode((("grpc-status", "0"),))
_UNIMPLEMENTED: Final = encode(((":status", "200"), ("content-type", "application/grpc"), ("grpc-status", "12")))
_BEGIN: Final = frames.frame_header(Kind.HEADERS, frames.END_HEADERS, len(_HEADERS))
_END: Final = frames.frame_header(Kind.HEADERS, frames.END_HEADERS | frames.END_STREAM, len(_TRAILERS))


class _Answer:
    """A response: all bytes of its frames but the numbers of the streams."""

    def __init__(self, message: Message) -> None:
        serialized = message.SerializeToString()
        self.body = prefix(serialized) + serialized
        self.middle = _HEADERS + frames.frame_header(Kind.DATA, 0, len(self.body))
        self.body_and_end = self.body + _END


class GrpcNull:
    """The answers of a null model; every model name is known and ready."""

    def __init__(self, model: NullModel) -> None:
        self._model = model
        self.delayed = bool(model.delay_us)
        self._infer = _Answer(grpc.encode_response("null", model.answer()))
        self._live = _Answer(pb.ServerLiveResponse(live=True))
        self._server_ready = _Answer(pb.ServerReadyResponse(ready=True))
        self._model_ready = _Answer(pb.ModelReadyResponse(ready=True))

    def respond(self, path: str, body: bytes) -> _Answer | None:
        """The answer to a whole request, None where there is no such method."""
        if path == _INFER:
            if self.delayed:
                self._model.compute()
            return self._infer
        match path.removeprefix(_SERVICE):
            case "ServerLive":
                return self._live
            case "ServerReady":
                return self._server_ready
            case "ModelReady":
                return self._model_ready
            case "ModelMetadata":
                try:
                    name = pb.ModelMetadataRequest.FromString(body[PREFIX_SIZE:]).name
                except DecodeError:
                    return None
                return _Answer(grpc.encode_metadata(self._model.metadata(name)))
        return None


def _path(headers: Headers) -> str:
    return dict(headers).get(b":path", b"").decode("latin-1")


class _Stream:
    __slots__ = ("body", "extra_window", "path")

    def __init__(self, path: str) -> None:
        self.path = path
        self.body: list[bytes] = []
        self.extra_window = 0


class _Connection(Http2Connection):
    def __init__(self, null: GrpcNull) -> None:
        super().__init__(says=b"", hears=frames.PREFACE)
        self._null = null
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
            if found.path != _INFER:
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
        answer = self._null.respond(found.path, b"".join(found.body))
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
        if self._null.delayed:
            # Its service time is to be each request's own, not that of all that came together.
            self._flush()


async def serve(model: NullModel, host: str, port: int) -> asyncio.Server:
    """Listen at ``host:port``, or at a free port for 0."""
    null = GrpcNull(model)
    loop = asyncio.get_running_loop()
    return await loop.create_server(lambda: _Connection(null), host, port, backlog=BACKLOG)
