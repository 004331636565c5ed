"""Answers the Open Inference Protocol over HTTP with bytes made up beforehand, as fast as Python can."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

import httptools

from loadtest.null_server.model import BACKLOG, NullModel
from servers.oip import http
from servers.oip.metadata import encode_metadata


class HttpNull:
    """The ready responses of a null model."""

    def __init__(self, model: NullModel) -> None:
        message = http.encode_response("null", model.answer(), binary=lambda _: True)
        self._model = model
        self._answer = _response(message.body, message.headers)

    def respond(self, path: bytes) -> bytes:
        """The response to a request for ``path``."""
        if path.endswith(b"/infer"):
            if self._model.delay_us:
                self._model.compute()
            return self._answer
        if path.endswith((b"/live", b"/ready")):
            return _response(b"", {})
        name = path.rpartition(b"/")[2].decode("ascii", "replace")
        return _response(encode_metadata(self._model.metadata(name)), {"Content-Type": "application/json"})


class _Connection(asyncio.Protocol):
    def __init__(self, respond: Callable[[bytes], bytes]) -> None:
        self._respond = respond

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._transport.close()

    def on_url(self, url: bytes) -> None:
        self._path = url

    def on_message_complete(self) -> None:
        self._transport.write(self._respond(self._path))


async def serve(model: NullModel, host: str, port: int) -> asyncio.Server:
    """Listen at ``host:port``, or at a free port for 0."""
    null = HttpNull(model)
    loop = asyncio.get_running_loop()
    return await loop.create_server(lambda: _Connection(null.respond), host, port, backlog=BACKLOG)


def _response(body: bytes, headers: dict[str, str]) -> bytes:
    lines = ["HTTP/1.1 200 OK", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join((*lines, f"Content-Length: {len(body)}", "", "")).encode("ascii") + body
