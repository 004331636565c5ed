"""The Open Inference Protocol over HTTP/1.1: whole requests as bytes, and kept answers as tensors."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

import numpy as np

from loadtest.transport.dialer import Dialer
from loadtest.transport.http1.message import post, read_response
from loadtest.transport.http1.pool import ConnectionPool
from loadtest.transport.transport import Connections, Done
from models import Tensors
from servers.oip import http
from servers.target import Target


class OipHttp:
    """See ``loadtest.protocols.protocol.LoadProtocol``.

    Args:
        name: as endpoints and plans name it.
        binary: whether tensors go as binary data both ways, else in JSON.
    """

    scheme = "http"
    verb = "POST"

    def __init__(self, name: str, *, binary: bool) -> None:
        self.name = name
        self._binary = binary

    def encode(self, target: Target, model: str, inputs: Tensors) -> bytes:
        """Request line, headers and body."""
        message = http.encode_request(inputs, binary=self._binary)
        return post(target, f"/v2/models/{quote(model, safe='')}/infer", message.body, message.headers)

    def transport(
        self, target: Target, payloads: Sequence[bytes], connections: Connections, done: Done
    ) -> ConnectionPool:
        """A pool of keep-alive connections."""
        return ConnectionPool(Dialer(target, timeout_s=connections.timeout_s), payloads, connections, done)

    def decode(self, answer: bytes) -> dict[str, np.ndarray]:
        """The outputs in a response, headers and all."""
        headers, body = read_response(answer)
        size = http.parse_json_size(headers.get(http.JSON_SIZE_HEADER.lower()))
        return http.decode_response(body, size).outputs


PROTOCOL = OipHttp("oip-http", binary=True)
