"""One unary call: what its response comes to, part by part (gRPC over HTTP/2)."""

from __future__ import annotations

from typing import Final, NamedTuple

from loadtest.http2.headers import Headers
from loadtest.records import Outcome
from loadtest.transport.transport import Request

PREFIX_SIZE: Final = 5
"""Of a message on the wire: one byte that says whether it is compressed, and its length in four."""


def prefix(message: bytes) -> bytes:
    """What goes before an uncompressed message."""
    return b"\x00" + len(message).to_bytes(4, "big")


class Said(NamedTuple):
    """What a header block says that matters here.

    Attributes:
        status: of HTTP, None where it is missing or no number.
        grpc_status: of the call, None where it is missing or no number.
    """

    status: int | None
    grpc_status: int | None


def interpret(headers: Headers) -> Said:
    """Read a response's headers or trailers."""
    found = dict(headers)
    return Said(_number(found.get(b":status")), _number(found.get(b"grpc-status")))


def _number(text: bytes | None) -> int | None:
    return int(text) if text is not None and len(text) <= 3 and text.isdigit() else None


class Call:
    """A request on its stream. Each part of the response returns the outcome as soon as that is certain."""

    __slots__ = ("_http", "_parts", "_prefix", "_size", "request", "stream")

    def __init__(self, request: Request, stream: int) -> None:
        self.request = request
        self.stream = stream
        self._http: int | None = None
        self._prefix = b""
        self._size = 0
        self._parts: list[bytes] = []

    def headers(self, said: Said, ends: bool) -> int | None:
        """A header block: of an interim response, of the response, or its trailers."""
        if self._http is None:
            if said.status is None:
                return Outcome.MALFORMED
            if said.status < 200:
                return Outcome.MALFORMED if ends else None
            self._http = said.status
            return self._outcome(said.grpc_status) if ends else None
        return self._outcome(said.grpc_status) if ends else Outcome.MALFORMED

    def data(self, data: bytes, ends: bool) -> int | None:
        """A part of the body."""
        if self._http is None:
            return Outcome.MALFORMED
        if self._size < PREFIX_SIZE:
            self._prefix += data[: PREFIX_SIZE - self._size]
        self._size += len(data)
        if self.request.keep:
            self._parts.append(data)
        return self._outcome(None) if ends else None

    def _outcome(self, grpc_status: int | None) -> int:
        if self._http != 200:
            return Outcome.HTTP + (self._http or 0)
        if grpc_status is None:
            return Outcome.MALFORMED
        if grpc_status:
            return Outcome.GRPC + grpc_status
        # Exactly one message, and not compressed: we said that we take no compression.
        if (
            self._size < PREFIX_SIZE
            or self._prefix[0]
            or int.from_bytes(self._prefix[1:], "big") != (self._size - PREFIX_SIZE)
        ):
            return Outcome.MALFORMED
        if self.request.keep:
            self.request.answer = b"".join(self._parts)[PREFIX_SIZE:]
        return Outcome.OK
