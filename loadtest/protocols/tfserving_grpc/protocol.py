"""TensorFlow Serving's gRPC API: requests as serialized messages, and kept answers as tensors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from loadtest.transport.transport import Connections, Done, Transport
from models import Tensors
from servers.target import Target
from servers.tfserving_api.errors import TfServingError


class TfServingGrpc:
    """See ``loadtest.protocols.protocol.LoadProtocol``. Protobuf's package takes long to import."""

    name = "tfserving-grpc"
    scheme = "grpc"
    verb = "GRPC"

    def encode(self, target: Target, model: str, inputs: Tensors) -> bytes:  # noqa: ARG002  # only headers name it
        """A serialized ``PredictRequest`` with ``tensor_content``."""
        from servers.tfserving_api import grpc

        serialized: bytes = grpc.encode_request(model, inputs).SerializeToString()
        return serialized

    def transport(self, target: Target, payloads: Sequence[bytes], connections: Connections, done: Done) -> Transport:
        """A connection of HTTP/2 that carries all requests, or a few where the server limits their number."""
        from loadtest.transport.grpc_calls.pool import CallPool
        from servers.tfserving_api.grpc import PREDICT

        return CallPool.to(target, PREDICT, payloads, connections, done)

    def decode(self, answer: bytes) -> dict[str, np.ndarray]:
        """The outputs in a serialized ``PredictResponse``, from ``tensor_content`` or from fields by type."""
        from google.protobuf.message import DecodeError

        from servers.tfserving_api import grpc
        from servers.tfserving_api.tfserving_pb2 import PredictResponse

        try:
            message = PredictResponse.FromString(answer)
        except DecodeError as error:
            raise TfServingError(f"not a PredictResponse: {error}") from error
        return grpc.decode_response(message)


PROTOCOL = TfServingGrpc()
