"""The Open Inference Protocol over gRPC: requests as serialized messages, and kept answers as tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from loadtest.transport.transport import Connections, Done, Transport
from models import Tensors
from servers.oip.errors import OipError
from servers.target import Target

PATH: Final = "/inference.GRPCInferenceService/ModelInfer"


class OipGrpc:
    """See ``loadtest.protocols.protocol.LoadProtocol``. gRPC's own packages take a third of a second to import.

    Args:
        name: as endpoints and plans name it.
        raw: whether inputs go as raw contents, else as typed ones. Servers choose how their outputs go.
    """

    scheme = "grpc"
    verb = "GRPC"

    def __init__(self, name: str, *, raw: bool) -> None:
        self.name = name
        self._raw = raw

    def encode(self, target: Target, model: str, inputs: Tensors) -> bytes:  # noqa: ARG002  # only headers name it
        """A serialized ``ModelInferRequest``."""
        from servers.oip import grpc

        serialized: bytes = grpc.encode_request(model, inputs, raw=self._raw).SerializeToString()
        return serialized

    def transport(self, target: Target, payloads: Sequence[bytes], connections: Connections, done: Done) -> Transport:
        """A connection of HTTP/2 that carries all requests, or a few where the server limits their number."""
        from loadtest.transport.grpc_calls.pool import CallPool

        return CallPool.to(target, PATH, payloads, connections, done)

    def decode(self, answer: bytes) -> dict[str, np.ndarray]:
        """The outputs in a serialized ``ModelInferResponse``."""
        from google.protobuf.message import DecodeError
        from tritonclient.grpc import service_pb2

        from servers.oip import grpc

        try:
            message = service_pb2.ModelInferResponse.FromString(answer)
        except DecodeError as error:
            raise OipError(f"not a ModelInferResponse: {error}") from error
        return grpc.decode_response(message).outputs


PROTOCOL = OipGrpc("oip-grpc", raw=True)
