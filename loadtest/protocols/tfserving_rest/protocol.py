"""TensorFlow Serving's REST API: whole requests as bytes, and kept answers as tensors."""

from __future__ import annotations

from collections.abc import Sequence

from loadtest.protocols.untyped import Untyped
from loadtest.transport.dialer import Dialer
from loadtest.transport.http1.message import post, read_response
from loadtest.transport.http1.pool import ConnectionPool
from loadtest.transport.transport import Connections, Done
from models import Tensors
from servers.target import Target
from servers.tfserving_api import rest
from servers.tfserving_api.signature import path


class TfServingRest:
    """See ``loadtest.protocols.protocol.LoadProtocol``. The API has no binary tensors: all of it is JSON."""

    name = "tfserving-rest"
    scheme = "http"
    verb = "POST"

    def encode(self, target: Target, model: str, inputs: Tensors) -> bytes:
        """Request line, headers and body."""
        headers = {"Content-Type": "application/json"}
        return post(target, f"{path(model)}:predict", rest.encode_request(inputs), headers)

    def transport(
        self, target: Target, payloads: Sequence[bytes], connections: Connections, done: Done
    ) -> ConnectionPool:
        """A pool of keep-alive connections."""
        return ConnectionPool(Dialer(target, timeout_s=connections.timeout_s), payloads, connections, done)

    def decode(self, answer: bytes) -> Untyped:
        """The outputs in a response, headers and all."""
        _, body = read_response(answer)
        return Untyped(rest.read_response(body))


PROTOCOL = TfServingRest()
