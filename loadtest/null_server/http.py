"""Answers the Open Inference Protocol over HTTP with bytes made up beforehand, as fast as Python can."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, cast

import httptools
import numpy as np

from models import TensorSpec
from servers.oip import http
from servers.oip.metadata import ModelMetadata, encode_metadata

_BACKLOG: Final = 4096
"""As many connections as a load may open while this process does not run."""


class NullModel:
    """Ready responses, of the size that a model with these tensors answers for one item."""

    def __init__(self, inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...]) -> None:
        arrays = {spec.name: np.zeros(_item_shape(spec), dtype=spec.dtype) for spec in outputs}
        message = http.encode_response("null", arrays, binary=lambda _: True)
        self._inputs = inputs
        self._outputs = outputs
        self._answer = _response(message.body, message.headers)

    def respond(self, path: bytes) -> bytes:
        """The response to a request for ``path``; every model name is known and ready."""
        if path.endswith(b"/infer"):
            return self._answer
        if path.endswith((b"/live", b"/ready")):
            return _response(b"", {})
        name = path.rpartition(b"/")[2].decode("ascii", "replace")
        metadata = ModelMetadata(name, "null", self._inputs, self._outputs, ("1",))
        return _response(encode_metadata(metadata), {"Content-Type": "application/json"})


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
    loop = asyncio.get_running_loop()
    return await loop.create_server(lambda: _Connection(model.respond), host, port, backlog=_BACKLOG)


def _item_shape(spec: TensorSpec) -> list[int]:
    return [1 if isinstance(size, str) else size for size in spec.shape]


def _response(body: bytes, headers: dict[str, str]) -> bytes:
    lines = ["HTTP/1.1 200 OK", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join((*lines, f"Content-Length: {len(body)}", "", "")).encode("ascii") + body
