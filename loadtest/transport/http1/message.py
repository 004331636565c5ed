"""Whole requests as bytes, and whole responses read back."""

from __future__ import annotations

from collections.abc import Mapping

import httptools

from servers.errors import MessageError
from servers.target import Target


def post(target: Target, path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    """A POST request: request line, headers and body."""
    fields = {"Host": target.authority, **target.headers, **headers, "Content-Length": str(len(body))}
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join((*lines, "", "")).encode("ascii") + body


def read_response(answer: bytes) -> tuple[dict[str, str], bytes]:
    """The headers, by their names in lower case, and the body of a response.

    Raises:
        MessageError: it is none.
    """
    reader = _Reader()
    try:
        httptools.HttpResponseParser(reader).feed_data(answer)
    except httptools.HttpParserError as error:
        raise MessageError(f"not an HTTP response: {error}") from error
    return reader.headers, b"".join(reader.body)


class _Reader:
    def __init__(self) -> None:
        self.headers: dict[str, str] = {}
        self.body: list[bytes] = []

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, data: bytes) -> None:
        self.body.append(data)
