"""The blocking client over gRPC."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from tritonclient.grpc import service_pb2 as pb
from tritonclient.grpc import service_pb2_grpc as pb_grpc

from models import Tensors
from servers.errors import EndpointError
from servers.oip import grpc as codec
from servers.oip.errors import OipError
from servers.oip.metadata import ModelMetadata
from servers.protocols.grpc_channel import GrpcChannel, Unimplemented
from servers.target import Target


class GrpcClient(GrpcChannel):
    """See ``Client``.

    Args:
        raw: whether tensors go as raw contents, else as typed ones.
    """

    def __init__(self, target: Target, *, timeout_s: float, raw: bool = True) -> None:
        super().__init__(target, timeout_s=timeout_s)
        self._raw = raw
        self._stub = pb_grpc.GRPCInferenceServiceStub(self.channel)

    def live(self) -> bool:
        """See ``Client``."""
        return self.answers(lambda: self.call(self._stub.ServerLive, pb.ServerLiveRequest()).live)

    def ready(self, model: str) -> bool:
        """See ``Client``."""
        return self.answers(lambda: self.call(self._stub.ModelReady, pb.ModelReadyRequest(name=model)).ready)

    def metadata(self, model: str) -> ModelMetadata:
        """See ``Client``."""
        message = self.call(self._stub.ModelMetadata, pb.ModelMetadataRequest(name=model))
        try:
            return codec.decode_metadata(message)
        except OipError as error:
            raise EndpointError(f"{self.url}: metadata of {model!r}: {error}") from error

    def config(self, model: str) -> Mapping[str, str]:
        """See ``Client``."""
        try:
            return codec.decode_parameters(self.call(self._stub.ModelConfig, pb.ModelConfigRequest(name=model)))
        except Unimplemented:
            return {}

    def infer(self, model: str, inputs: Tensors) -> dict[str, np.ndarray]:
        """See ``Client``."""
        try:
            request = codec.encode_request(model, inputs, raw=self._raw)
        except OipError as error:
            raise EndpointError(f"{self.url}: {model!r} cannot be asked: {error}") from error
        message = self.call(self._stub.ModelInfer, request)
        try:
            return codec.decode_response(message).outputs
        except OipError as error:
            raise EndpointError(f"{self.url}: answer of {model!r}: {error}") from error


CLIENT = GrpcClient
