"""The blocking client over gRPC, for TorchServe's port of inference and for its port of management."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import numpy as np

from models import Tensors
from servers.errors import EndpointError, MessageError
from servers.oip.metadata import ModelMetadata
from servers.protocols.grpc_channel import GrpcChannel, Unimplemented
from servers.protocols.torchserve_grpc import torchserve_pb2 as pb
from servers.protocols.torchserve_grpc.messages import decode_response, encode_request
from servers.protocols.torchserve_grpc.methods import DESCRIBE, DESCRIBE_MODEL, PING, PREDICTIONS
from servers.protocols.torchserve_rest.description import Description, decode_customized, decode_description
from servers.target import Target


class TorchServeGrpcClient(GrpcChannel):
    """See ``Client``. What the one port does not have is found out from the other's calls."""

    def __init__(self, target: Target, *, timeout_s: float) -> None:
        super().__init__(target, timeout_s=timeout_s)
        self._ping = self._method(PING, pb.Empty, pb.TorchServeHealthResponse)
        self._predictions = self._method(PREDICTIONS, pb.PredictionsRequest, pb.PredictionResponse)
        self._describe_model = self._method(DESCRIBE_MODEL, pb.DescribeModelRequest, pb.ManagementResponse)

    def live(self) -> bool:
        """See ``Client``."""
        return self.answers(self._is_live)

    def ready(self, model: str) -> bool:
        """See ``Client``. At the port of inference it is so when the model's handler answers."""
        return self.answers(lambda: self._is_ready(model))

    def metadata(self, model: str) -> ModelMetadata:
        """See ``Client``. It has tensors only where the handler is ours."""
        return self._customized(model)[0]

    def config(self, model: str) -> Mapping[str, str]:
        """See ``Client``."""
        return self._customized(model)[1]

    def infer(self, model: str, inputs: Tensors) -> dict[str, np.ndarray]:
        """See ``Client``."""
        message = self.call(self._predictions, encode_request(model, inputs))
        try:
            return decode_response(message)
        except MessageError as error:
            raise EndpointError(f"{self.url}: answer of {model!r}: {error}") from error

    def _is_live(self) -> bool:
        with suppress(Unimplemented):  # the port of management, which answers
            self.call(self._ping, pb.Empty())
        return True

    def _is_ready(self, model: str) -> bool:
        try:
            return self._describe(model).ready
        except Unimplemented:
            self._ask_handler(model)
            return True

    def _customized(self, model: str) -> tuple[ModelMetadata, dict[str, str]]:
        try:
            customized = self._describe(model, customized=True).customized
        except Unimplemented:
            customized = self._ask_handler(model)
        except EndpointError:  # a handler may fail to describe itself
            customized = self._describe(model).customized
        return decode_customized(model, customized)

    def _describe(self, model: str, *, customized: bool = False) -> Description:
        request = pb.DescribeModelRequest(model_name=model, customized=customized)
        message = self.call(self._describe_model, request)
        try:
            return decode_description(message.msg.encode())
        except MessageError as error:
            raise EndpointError(f"{self.url}: description of {model!r}: {error}") from error

    def _ask_handler(self, model: str) -> bytes:
        request = pb.PredictionsRequest(model_name=model, input={DESCRIBE: b"true"})
        answer: bytes = self.call(self._predictions, request).prediction
        return answer

    def _method(self, path: str, request: Any, answer: Any) -> Any:
        return self.channel.unary_unary(
            path, request_serializer=request.SerializeToString, response_deserializer=answer.FromString
        )


CLIENT = TorchServeGrpcClient
