"""The blocking client of TensorFlow Serving's gRPC API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import grpc
import numpy as np

from models import Tensors
from servers.errors import EndpointError
from servers.oip.metadata import ModelMetadata
from servers.protocols.grpc_channel import GrpcChannel
from servers.target import Target
from servers.tfserving_api import grpc as codec
from servers.tfserving_api import tfserving_pb2 as pb
from servers.tfserving_api.errors import TfServingError

_SILENT: Final = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
"""What the library itself says where nothing answers."""


class TfServingGrpcClient(GrpcChannel):
    """See ``Client``."""

    def __init__(self, target: Target, *, timeout_s: float) -> None:
        super().__init__(target, timeout_s=timeout_s)
        self._predict = self._method(codec.PREDICT, pb.PredictResponse)
        self._metadata_of = self._method(codec.METADATA, pb.GetModelMetadataResponse)
        self._status = self._method(codec.STATUS, pb.GetModelStatusResponse)

    def live(self) -> bool:
        """See ``Client``. The API has no such question: any answer will do, such as that there is no such model."""
        try:
            self.call(self._status, pb.GetModelStatusRequest(model_spec=_about("")))
        except EndpointError as error:
            cause = error.__cause__
            return isinstance(cause, grpc.RpcError) and cause.code() not in _SILENT
        return True

    def ready(self, model: str) -> bool:
        """See ``Client``."""
        request = pb.GetModelStatusRequest(model_spec=_about(model))
        return self.answers(lambda: codec.decode_status(self.call(self._status, request)))

    def metadata(self, model: str) -> ModelMetadata:
        """See ``Client``."""
        request = pb.GetModelMetadataRequest(model_spec=_about(model), metadata_field=[codec.SIGNATURES])
        message = self.call(self._metadata_of, request)
        try:
            return codec.decode_metadata(message)
        except TfServingError as error:
            raise EndpointError(f"{self.url}: metadata of {model!r}: {error}") from error

    def config(self, model: str) -> Mapping[str, str]:  # noqa: ARG002
        """See ``Client``. The API tells nothing of the kind."""
        return {}

    def infer(self, model: str, inputs: Tensors) -> dict[str, np.ndarray]:
        """See ``Client``. Tensors go as ``tensor_content``."""
        try:
            request = codec.encode_request(model, inputs)
        except TfServingError as error:
            raise EndpointError(f"{self.url}: {model!r} cannot be asked: {error}") from error
        message = self.call(self._predict, request)
        try:
            return codec.decode_response(message)
        except TfServingError as error:
            raise EndpointError(f"{self.url}: answer of {model!r}: {error}") from error

    def _method(self, path: str, answer: Any) -> Any:
        return self.channel.unary_unary(
            path,
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=answer.FromString,
        )


def _about(model: str) -> pb.ModelSpec:
    return pb.ModelSpec(name=model)


CLIENT = TfServingGrpcClient
