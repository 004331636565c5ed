"""What both sides of an HTTP/2 connection do alike: settings, flow control, header blocks in pieces, pings."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from time import monotonic_ns
from typing import Final, cast

from loadtest.http2 import frames
from loadtest.http2.frames import Code, ConnectionFault, FrameReader, Kind, Setting
from loadtest.http2.outgoing import Outgoing, Write

_REPLENISH: Final = 2**24
"""Bytes of DATA after which the peer may send as many more on the connection."""
_LARGEST_BLOCK: Final = 2**18
"""Bytes of a header block in pieces."""
# A stream carries one message, and no protobuf message is larger than this window. So only the connection's has to
# be replenished.
_OUR_SETTINGS: Final = {
    Setting.ENABLE_PUSH: 0,
    Setting.INITIAL_WINDOW_SIZE: frames.LARGEST_WINDOW,
}
_GREETING: Final = frames.settings(_OUR_SETTINGS) + frames.window_update(
    0, frames.LARGEST_WINDOW - frames.DEFAULT_WINDOW
)
_SETTINGS_ACK: Final = frames.frame(Kind.SETTINGS, frames.ACK)


class Http2Connection(asyncio.Protocol, ABC):
    """One side of a connection; what its streams mean is for the subclass to say.

    Attributes:
        outgoing: what the peer takes.
        now_ns: CLOCK_MONOTONIC of the bytes that are being read.
        dead: whether nothing more is to be read or written.
    """

    def __init__(self, *, says: bytes, hears: bytes) -> None:
        """Take the words with which this side, and the peer, open the conversation."""
        self.outgoing = Outgoing()
        self.now_ns = 0
        self.dead = False
        self._says = says
        self._hears = hears
        self._reader = FrameReader()
        self._greeted = False
        self._taken = 0
        self._block: bytearray | None = None
        self._block_stream = 0
        self._block_ends = False

    @abstractmethod
    def on_greeting(self) -> None:
        """The peer's first settings are there."""

    @abstractmethod
    def on_headers(self, stream: int, block: bytes, ends: bool) -> None:
        """A whole header block, which has to be decoded even if nobody wants it."""

    @abstractmethod
    def on_data(self, stream: int, data: bytes, ends: bool) -> None:
        """Bytes of a body."""

    @abstractmethod
    def on_reset(self, stream: int) -> None:
        """The peer gives a stream up."""

    def on_max_streams(self, most: int) -> None:
        """The peer takes as many streams at once. Only a client cares."""

    def on_goaway(self, last_stream: int) -> None:
        """The peer closes, and will not look at streams after this one. Only a client cares."""

    def on_window_update(self, stream: int, size: int) -> None:
        """The peer takes more on one stream, or on all."""
        self.outgoing.on_window_update(stream, size, self.write)

    @abstractmethod
    def on_fault(self) -> None:
        """The peer broke the protocol; the connection is dead."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        self.transport = cast(asyncio.Transport, transport)
        self.write: Write = self.transport.write
        self.write(self._says + _GREETING)

    def data_received(self, data: bytes) -> None:
        """Frames, in pieces."""
        self.now_ns = monotonic_ns()
        if self.dead:
            return
        try:
            if self._hears and not (data := self._hear(data)):
                return
            for kind, flags, stream, payload in self._reader.feed(data):
                if self._block is not None or not self._greeted:
                    self._check_order(kind, flags, stream)
                if kind == 0:
                    self._on_data(flags, stream, payload)
                elif kind == 1:
                    self._on_headers(flags, stream, payload)
                else:
                    self._on_other(kind, flags, stream, payload)
        except ConnectionFault as fault:
            self.dead = True
            self.transport.write(frames.goaway(0, fault.code, str(fault)))
            self.transport.close()
            self.on_fault()

    def _hear(self, data: bytes) -> bytes:
        """What follows the peer's opening words."""
        expected = self._hears[: len(data)]
        if data[: len(expected)] != expected:
            raise ConnectionFault(Code.PROTOCOL_ERROR, "not the preface of HTTP/2")
        self._hears = self._hears[len(expected) :]
        return data[len(expected) :]

    def _check_order(self, kind: int, flags: int, stream: int) -> None:
        if not self._greeted and (kind != Kind.SETTINGS or flags & frames.ACK):
            raise ConnectionFault(Code.PROTOCOL_ERROR, "the first frame is not SETTINGS")
        if self._block is not None and (kind != Kind.CONTINUATION or stream != self._block_stream):
            raise ConnectionFault(Code.PROTOCOL_ERROR, "a frame within a header block")

    def _on_data(self, flags: int, stream: int, payload: bytes) -> None:
        if not stream:
            raise ConnectionFault(Code.PROTOCOL_ERROR, "DATA on stream 0")
        self._taken += len(payload)
        if self._taken >= _REPLENISH:
            self.write(frames.window_update(0, self._taken))
            self._taken = 0
        if flags & frames.PADDED:
            payload = frames.content(frames.PADDED, payload)
        self.on_data(stream, payload, flags & frames.END_STREAM != 0)

    def _on_headers(self, flags: int, stream: int, payload: bytes) -> None:
        if not stream:
            raise ConnectionFault(Code.PROTOCOL_ERROR, "HEADERS on stream 0")
        if flags & (frames.PADDED | frames.PRIORITY):
            payload = frames.content(flags, payload)
        if flags & frames.END_HEADERS:
            self.on_headers(stream, payload, flags & frames.END_STREAM != 0)
        else:
            self._block = bytearray(payload)
            self._block_stream = stream
            self._block_ends = flags & frames.END_STREAM != 0

    def _on_other(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind in (Kind.SETTINGS, Kind.PING, Kind.GOAWAY) and stream:
            raise ConnectionFault(Code.PROTOCOL_ERROR, f"{Kind(kind).name} on stream {stream}")
        match kind:
            case Kind.WINDOW_UPDATE:
                self.on_window_update(stream, frames.read_word(payload, Kind.WINDOW_UPDATE) & frames.LARGEST_WINDOW)
            case Kind.SETTINGS:
                self._on_settings(flags, payload)
            case Kind.PING:
                if len(payload) != 8:
                    raise ConnectionFault(Code.FRAME_SIZE_ERROR, f"PING of {len(payload)} bytes")
                if not flags & frames.ACK:
                    self.write(frames.frame(Kind.PING, frames.ACK, payload=payload))
            case Kind.CONTINUATION:
                self._on_continuation(flags, stream, payload)
            case Kind.RST_STREAM:
                frames.read_word(payload, Kind.RST_STREAM)
                if not stream:
                    raise ConnectionFault(Code.PROTOCOL_ERROR, "RST_STREAM on stream 0")
                self.on_reset(stream)
            case Kind.GOAWAY:
                self.on_goaway(frames.read_word(payload, Kind.GOAWAY, 8) & frames.LARGEST_STREAM)
            case Kind.PUSH_PROMISE:
                raise ConnectionFault(Code.PROTOCOL_ERROR, "PUSH_PROMISE, which we do not take")
            # PRIORITY has no meaning any more, and kinds that nobody knows are to be ignored.

    def _on_continuation(self, flags: int, stream: int, payload: bytes) -> None:
        if self._block is None:
            raise ConnectionFault(Code.PROTOCOL_ERROR, "CONTINUATION of nothing")
        self._block += payload
        if len(self._block) > _LARGEST_BLOCK:
            raise ConnectionFault(Code.ENHANCE_YOUR_CALM, "a header block without end")
        if flags & frames.END_HEADERS:
            block, self._block = bytes(self._block), None
            self.on_headers(stream, block, self._block_ends)

    def _on_settings(self, flags: int, payload: bytes) -> None:
        if flags & frames.ACK:
            if payload:
                raise ConnectionFault(Code.FRAME_SIZE_ERROR, "an acknowledgement with content")
            return
        for setting, value in frames.read_settings(payload):
            match setting:
                case Setting.MAX_CONCURRENT_STREAMS:
                    self.on_max_streams(value)
                case Setting.INITIAL_WINDOW_SIZE:
                    self.outgoing.on_initial_window(value, self.write)
                case Setting.MAX_FRAME_SIZE:
                    self.outgoing.on_max_frame(value)
        self.write(_SETTINGS_ACK)
        if not self._greeted:
            self._greeted = True
            self.on_greeting()
