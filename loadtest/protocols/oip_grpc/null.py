"""The answers of a null model in the Open Inference Protocol over gRPC."""

from __future__ import annotations

from google.protobuf.message import DecodeError
from tritonclient.grpc import service_pb2 as pb

from loadtest.null_server.model import NullModel
from loadtest.protocols.oip_grpc.protocol import PATH
from servers.oip import grpc


class OipGrpcNull:
    """See ``loadtest.null_server.grpc.GrpcNull``.

    Args:
        raw: whether outputs go as raw contents, else as typed ones.
    """

    infer = PATH

    def __init__(self, model: NullModel, *, raw: bool = True) -> None:
        self._model = model
        self.answer: bytes = grpc.encode_response("null", model.answer(), raw=raw).SerializeToString()

    def respond(self, path: str, message: bytes) -> bytes | None:
        """The answer to a call other than ``infer``."""
        match path.rpartition("/")[2]:
            case "ServerLive":
                answer = pb.ServerLiveResponse(live=True)
            case "ServerReady":
                answer = pb.ServerReadyResponse(ready=True)
            case "ModelReady":
                answer = pb.ModelReadyResponse(ready=True)
            case "ModelMetadata":
                try:
                    name = pb.ModelMetadataRequest.FromString(message).name
                except DecodeError:
                    return None
                answer = grpc.encode_metadata(self._model.metadata(name))
            case _:
                return None
        serialized: bytes = answer.SerializeToString()
        return serialized


NULL = OipGrpcNull
