"""The answers of a null model in TensorFlow Serving's gRPC API."""

from __future__ import annotations

from google.protobuf.message import DecodeError

from loadtest.null_server.model import NullModel
from servers.tfserving_api import grpc
from servers.tfserving_api import tfserving_pb2 as pb


class TfServingGrpcNull:
    """See ``loadtest.null_server.grpc.GrpcNull``."""

    infer = grpc.PREDICT

    def __init__(self, model: NullModel) -> None:
        self._model = model
        self.answer: bytes = grpc.encode_response("null", model.answer()).SerializeToString()

    def respond(self, path: str, message: bytes) -> bytes | None:
        """The answer to a call other than ``infer``."""
        try:
            match path:
                case grpc.STATUS:
                    name = pb.GetModelStatusRequest.FromString(message).model_spec.name
                    answer = grpc.encode_status(self._model.metadata(name), ready=True)
                case grpc.METADATA:
                    name = pb.GetModelMetadataRequest.FromString(message).model_spec.name
                    answer = grpc.encode_metadata(self._model.metadata(name))
                case _:
                    return None
        except DecodeError:
            return None
        serialized: bytes = answer.SerializeToString()
        return serialized


NULL = TfServingGrpcNull
