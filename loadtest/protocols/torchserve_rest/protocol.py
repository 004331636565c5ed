"""TorchServe's inference API over HTTP/1.1: whole requests as bytes, and kept answers as tensors."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

import numpy as np

from loadtest.transport.dialer import Dialer
from loadtest.transport.http1.message import post, read_response
from loadtest.transport.http1.pool import ConnectionPool
from loadtest.transport.transport import Connections, Done
from models import Tensors
from servers.protocols.torchserve_rest.codec import CONTENT_TYPE, decode, encode
from servers.target import Target


class TorchServeRest:
    """See ``loadtest.protocols.protocol.LoadProtocol``."""

    name = "torchserve-rest"
    scheme = "http"
    verb = "POST"

    def encode(self, target: Target, model: str, inputs: Tensors) -> bytes:
        """Request line, headers and body; the inputs as safetensors."""
        return post(target, f"/predictions/{quote(model, safe='')}", encode(inputs), {"Content-Type": CONTENT_TYPE})

    def transport(
        self, target: Target, payloads: Sequence[bytes], connections: Connections, done: Done
    ) -> ConnectionPool:
        """A pool of keep-alive connections."""
        return ConnectionPool(Dialer(target, timeout_s=connections.timeout_s), payloads, connections, done)

    def decode(self, answer: bytes) -> dict[str, np.ndarray]:
        """The outputs in a response, headers and all."""
        return decode(read_response(answer)[1])


PROTOCOL = TorchServeRest()
