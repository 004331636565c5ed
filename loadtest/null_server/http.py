"""Answers any protocol over HTTP with bytes made up beforehand, as fast as Python can."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol, cast

import httptools

from loadtest.null_server.model import BACKLOG, NullModel
from models import Registry


class HttpNull(Protocol):
    """The ready responses of a null model in one protocol."""

    def respond(self, path: bytes) -> bytes:
        """The whole response to a request for ``path``; any model name is known and ready."""
        ...


NULLS: Registry[Callable[[NullModel], HttpNull]] = Registry("loadtest.protocols", entry="null", attribute="NULL")
"""Every ``loadtest/protocols/<name>/null.py`` of a protocol over HTTP."""


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


async def serve(protocol: str, model: NullModel, host: str, port: int) -> asyncio.Server:
    """Listen at ``host:port``, or at a free port for 0."""
    null = NULLS.get(protocol)(model)
    loop = asyncio.get_running_loop()
    return await loop.create_server(lambda: _Connection(null.respond), host, port, backlog=BACKLOG)


def response(body: bytes, headers: dict[str, str]) -> bytes:
    """A response with status 200."""
    lines = ["HTTP/1.1 200 OK", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join((*lines, f"Content-Length: {len(body)}", "", "")).encode("ascii") + body
