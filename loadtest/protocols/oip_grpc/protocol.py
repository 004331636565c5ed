"""The Open Inference Protocol over gRPC: requests as serialized messages, and kept answers as tensors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from loadtest.protocols import address
from loadtest.protocols.protocol import Connections, Done, Transport
from models import Tensors
from servers.oip.errors import OipError


class OipGrpc:
    """See ``loadtest.protocols.protocol.LoadProtocol``. gRPC's own packages take a third of a second to import."""

    name = "oip-grpc"
    scheme = "grpc"
    verb = "GRPC"

    def encode(self, url: str, model: str, inputs: Tensors) -> bytes:
        """A serialized ``ModelInferRequest`` with raw contents; servers answer it with raw contents."""
        from servers.oip import grpc

        address.parse(url, self.scheme)
        serialized: bytes = grpc.encode_request(model, inputs).SerializeToString()
        return serialized

    def transport(self, url: str, payloads: Sequence[bytes], connections: Connections, done: Done) -> Transport:
        """One channel; its one HTTP/2 connection carries all requests."""
        from loadtest.protocols.oip_grpc.channel import GrpcChannel

        return GrpcChannel(address.parse(url, self.scheme), payloads, connections, done)

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


PROTOCOL = OipGrpc()
