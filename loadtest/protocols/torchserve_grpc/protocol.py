"""TorchServe's inference API over gRPC: requests as serialized messages, and kept answers as tensors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from loadtest.transport.transport import Connections, Done, Transport
from models import Tensors
from servers.errors import MessageError
from servers.protocols.torchserve_grpc.methods import PREDICTIONS
from servers.target import Target


class TorchServeGrpc:
    """See ``loadtest.protocols.protocol.LoadProtocol``. Protobuf is imported where it is needed."""

    name = "torchserve-grpc"
    scheme = "grpc"
    verb = "GRPC"

    def encode(self, target: Target, model: str, inputs: Tensors) -> bytes:  # noqa: ARG002  # only headers name it
        """A serialized ``PredictionsRequest``; the inputs as safetensors."""
        from servers.protocols.torchserve_grpc.messages import encode_request

        return encode_request(model, inputs).SerializeToString()

    def transport(self, target: Target, payloads: Sequence[bytes], connections: Connections, done: Done) -> Transport:
        """A connection of HTTP/2 that carries all requests, or a few where the server limits their number."""
        from loadtest.transport.grpc_calls.pool import CallPool

        return CallPool.to(target, PREDICTIONS, payloads, connections, done)

    def decode(self, answer: bytes) -> dict[str, np.ndarray]:
        """The outputs in a serialized ``PredictionResponse``."""
        from google.protobuf.message import DecodeError

        from servers.protocols.torchserve_grpc.messages import decode_response
        from servers.protocols.torchserve_grpc.torchserve_pb2 import PredictionResponse

        try:
            message = PredictionResponse.FromString(answer)
        except DecodeError as error:
            raise MessageError(f"not a PredictionResponse: {error}") from error
        return decode_response(message)


PROTOCOL = TorchServeGrpc()
