"""The answers of a null model in TorchServe's APIs over gRPC, inference and management at one port."""

from __future__ import annotations

from google.protobuf.message import DecodeError

from loadtest.null_server.model import NullModel
from servers.protocols.torchserve_grpc import torchserve_pb2 as pb
from servers.protocols.torchserve_grpc.messages import encode_response
from servers.protocols.torchserve_grpc.methods import DESCRIBE_MODEL, PING, PREDICTIONS
from servers.protocols.torchserve_rest.description import encode_customized, encode_description


class TorchServeGrpcNull:
    """See ``loadtest.null_server.grpc.GrpcNull``."""

    infer = PREDICTIONS

    def __init__(self, model: NullModel) -> None:
        self._model = model
        self.answer: bytes = encode_response(model.answer()).SerializeToString()

    def respond(self, path: str, message: bytes) -> bytes | None:
        """The answer to a call other than ``infer``."""
        if path == PING:
            return pb.TorchServeHealthResponse(health='{"status": "Healthy"}').SerializeToString()
        if path != DESCRIBE_MODEL:
            return None
        try:
            name = pb.DescribeModelRequest.FromString(message).model_name
        except DecodeError:
            return None
        described = encode_description(name, encode_customized(self._model.metadata(name), {}))
        return pb.ManagementResponse(msg=described.decode()).SerializeToString()


NULL = TorchServeGrpcNull
