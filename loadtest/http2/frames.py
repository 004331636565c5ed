"""Frames of HTTP/2 as bytes (RFC 9113, sections 4 and 6)."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from struct import Struct
from typing import Final, NamedTuple

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
"""What a client says before its first frame."""
MAX_FRAME_SIZE: Final = 16_384
"""Largest payload in bytes that a peer takes unless it says otherwise."""
LARGEST_FRAME_SIZE: Final = 2**24 - 1
DEFAULT_WINDOW: Final = 65_535
"""Bytes of DATA that a peer takes on a new connection or stream unless it says otherwise."""
LARGEST_WINDOW: Final = 2**31 - 1
LARGEST_STREAM: Final = 2**31 - 1

_HEADER: Final = Struct(">LBL")  # length and type share the first word
_HEADER_SIZE: Final = 9
_WORD: Final = Struct(">L")
_SETTING: Final = Struct(">HL")
_STREAM_BITS: Final = 0x7FFFFFFF


class Kind(enum.IntEnum):
    """Type of a frame."""

    DATA = 0
    HEADERS = 1
    PRIORITY = 2
    RST_STREAM = 3
    SETTINGS = 4
    PUSH_PROMISE = 5
    PING = 6
    GOAWAY = 7
    WINDOW_UPDATE = 8
    CONTINUATION = 9


ACK: Final = 0x1
"""Flag of SETTINGS and PING."""
END_STREAM: Final = 0x1
"""Flag of DATA and HEADERS."""
END_HEADERS: Final = 0x4
"""Flag of HEADERS and CONTINUATION."""
PADDED: Final = 0x8
"""Flag of DATA and HEADERS."""
PRIORITY: Final = 0x20
"""Flag of HEADERS."""


class Code(enum.IntEnum):
    """Error code of RST_STREAM and GOAWAY."""

    NO_ERROR = 0x0
    PROTOCOL_ERROR = 0x1
    FLOW_CONTROL_ERROR = 0x3
    STREAM_CLOSED = 0x5
    FRAME_SIZE_ERROR = 0x6
    REFUSED_STREAM = 0x7
    CANCEL = 0x8
    COMPRESSION_ERROR = 0x9
    ENHANCE_YOUR_CALM = 0xB


class Setting(enum.IntEnum):
    """Parameter of a SETTINGS frame."""

    HEADER_TABLE_SIZE = 1
    ENABLE_PUSH = 2
    MAX_CONCURRENT_STREAMS = 3
    INITIAL_WINDOW_SIZE = 4
    MAX_FRAME_SIZE = 5
    MAX_HEADER_LIST_SIZE = 6


class ConnectionFault(Exception):
    """The peer broke the protocol in a way that ends the connection."""

    def __init__(self, code: Code, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class Frame(NamedTuple):
    """One frame as it came, its padding included."""

    kind: int
    flags: int
    stream: int
    payload: bytes


class FrameReader:
    """Cuts a stream of bytes into frames."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that ``data`` completes. To be exhausted before the next call.

        Raises:
            ConnectionFault: a frame is larger than we take.
        """
        if self._rest:
            data = self._rest + data
            self._rest = b""
        at, end = 0, len(data)
        unpack = _HEADER.unpack_from
        while end - at >= _HEADER_SIZE:
            word, flags, stream = unpack(data, at)
            size = word >> 8
            if size > MAX_FRAME_SIZE:
                raise ConnectionFault(Code.FRAME_SIZE_ERROR, f"a frame of {size} bytes")
            start = at + _HEADER_SIZE
            if end - start < size:
                break
            at = start + size
            yield Frame(word & 0xFF, flags, stream & _STREAM_BITS, data[start:at])
        if at < end:
            self._rest = data[at:]


def frame(kind: Kind, flags: int = 0, stream: int = 0, payload: bytes = b"") -> bytes:
    """Any frame."""
    return frame_header(kind, flags, len(payload)) + stream_id(stream) + payload


def frame_header(kind: Kind, flags: int, size: int) -> bytes:
    """The first five bytes of a frame: all of its header but the stream."""
    return _HEADER.pack(size << 8 | kind, flags, 0)[:5]


def stream_id(stream: int) -> bytes:
    """The last four bytes of a frame's header."""
    return _WORD.pack(stream)


def settings(values: Mapping[Setting, int]) -> bytes:
    """SETTINGS."""
    return frame(Kind.SETTINGS, payload=b"".join(_SETTING.pack(*item) for item in values.items()))


def window_update(stream: int, size: int) -> bytes:
    """WINDOW_UPDATE by ``size`` bytes; stream 0 is the connection."""
    return frame(Kind.WINDOW_UPDATE, stream=stream, payload=_WORD.pack(size))


def rst_stream(stream: int, code: Code) -> bytes:
    """RST_STREAM."""
    return frame(Kind.RST_STREAM, stream=stream, payload=_WORD.pack(code))


def goaway(last_stream: int, code: Code, reason: str = "") -> bytes:
    """GOAWAY."""
    return frame(Kind.GOAWAY, payload=_WORD.pack(last_stream) + _WORD.pack(code) + reason.encode())


def read_settings(payload: bytes) -> Iterator[tuple[int, int]]:
    """The parameters in a SETTINGS frame, in their order.

    Raises:
        ConnectionFault: it is cut short.
    """
    if len(payload) % _SETTING.size:
        raise ConnectionFault(Code.FRAME_SIZE_ERROR, "SETTINGS cut short")
    return _SETTING.iter_unpack(payload)


def read_word(payload: bytes, kind: Kind, size: int = 4) -> int:
    """The number that begins the payload of RST_STREAM, WINDOW_UPDATE (``size`` 4) or GOAWAY (8 and more).

    Raises:
        ConnectionFault: the payload has another size.
    """
    if len(payload) < size or (len(payload) > size and kind is not Kind.GOAWAY):
        raise ConnectionFault(Code.FRAME_SIZE_ERROR, f"{kind.name} of {len(payload)} bytes")
    word: int = _WORD.unpack_from(payload)[0]
    return word


def content(flags: int, payload: bytes) -> bytes:
    """What DATA or HEADERS carry, without padding and priority. DATA has no priority: clear the flag there.

    Raises:
        ConnectionFault: there is more padding than payload.
    """
    start, end = 0, len(payload)
    if flags & PADDED:
        if not payload:
            raise ConnectionFault(Code.FRAME_SIZE_ERROR, "a padded frame without a pad length")
        start, end = 1, end - payload[0]
    if flags & PRIORITY:
        start += 5
    if start > end:
        raise ConnectionFault(Code.PROTOCOL_ERROR, "more padding than payload")
    return payload[start:end]
