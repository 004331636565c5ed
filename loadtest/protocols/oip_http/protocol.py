"""The Open Inference Protocol over HTTP/1.1: whole requests as bytes, and kept answers as tensors."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

import httptools
import numpy as np

from loadtest.protocols.dialer import Dialer
from loadtest.protocols.oip_http.pool import ConnectionPool
from loadtest.protocols.protocol import Connections, Done
from models import Tensors
from servers.oip import http
from servers.oip.errors import OipError
from servers.oip.target import Target


class OipHttp:
    """See ``loadtest.protocols.protocol.LoadProtocol``."""

    name = "oip-http"
    scheme = "http"
    verb = "POST"

    def encode(self, target: Target, model: str, inputs: Tensors) -> bytes:
        """Request line, headers and body; inputs and outputs as binary data."""
        message = http.encode_request(inputs)
        headers = {
            "Host": target.authority,
            **target.headers,
            **message.headers,
            "Content-Length": str(len(message.body)),
        }
        lines = [f"POST /v2/models/{quote(model, safe='')}/infer HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join((*lines, "", "")).encode("ascii") + message.body

    def transport(
        self, target: Target, payloads: Sequence[bytes], connections: Connections, done: Done
    ) -> ConnectionPool:
        """A pool of keep-alive connections."""
        return ConnectionPool(Dialer(target, timeout_s=connections.timeout_s), payloads, connections, done)

    def decode(self, answer: bytes) -> dict[str, np.ndarray]:
        """The outputs in a response, headers and all."""
        reader = _ResponseReader()
        try:
            httptools.HttpResponseParser(reader).feed_data(answer)
        except httptools.HttpParserError as error:
            raise OipError(f"not an HTTP response: {error}") from error
        return http.decode_response(b"".join(reader.body), http.parse_json_size(reader.json_size)).outputs


class _ResponseReader:
    def __init__(self) -> None:
        self.json_size: str | None = None
        self.body: list[bytes] = []

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.decode("latin-1").lower() == http.JSON_SIZE_HEADER.lower():
            self.json_size = value.decode("latin-1")

    def on_body(self, data: bytes) -> None:
        self.body.append(data)


PROTOCOL = OipHttp()
