"""The blocking client over gRPC."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Final, Self

import grpc
import numpy as np
from tritonclient.grpc import service_pb2 as pb
from tritonclient.grpc import service_pb2_grpc as pb_grpc

from models import Tensors
from servers.oip import grpc as codec
from servers.oip.errors import EndpointError, OipError, one_line
from servers.oip.metadata import ModelMetadata
from servers.oip.target import Target

_OPTIONS: Final = (
    ("grpc.enable_http_proxy", 0),
    ("grpc.enable_retries", 0),
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    # A channel of its own: a shared one remembers another's failure to connect and waits before it tries again.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
)


class _Unimplemented(EndpointError):
    """A call that the server does not have."""


class GrpcClient:
    """See ``Client``. Neither retries nor proxies: what it says is what the server did."""

    def __init__(self, target: Target, *, timeout_s: float) -> None:
        self._url = target.url
        self._metadata = tuple(target.headers.items())
        self._timeout_s = timeout_s
        if target.tls:
            target.ssl_context()  # says in one line what is wrong with the certificates
            credentials = grpc.ssl_channel_credentials(target.ca_certificates())
            self._channel = grpc.secure_channel(target.authority, credentials, options=_OPTIONS)
        else:
            self._channel = grpc.insecure_channel(target.authority, options=_OPTIONS)
        self._stub = pb_grpc.GRPCInferenceServiceStub(self._channel)

    def live(self) -> bool:
        """See ``Client``."""
        return self._is(lambda: self._call(self._stub.ServerLive, pb.ServerLiveRequest()).live)

    def ready(self, model: str) -> bool:
        """See ``Client``."""
        return self._is(lambda: self._call(self._stub.ModelReady, pb.ModelReadyRequest(name=model)).ready)

    def metadata(self, model: str) -> ModelMetadata:
        """See ``Client``."""
        message = self._call(self._stub.ModelMetadata, pb.ModelMetadataRequest(name=model))
        try:
            return codec.decode_metadata(message)
        except OipError as error:
            raise EndpointError(f"{self._url}: metadata of {model!r}: {error}") from error

    def config(self, model: str) -> Mapping[str, str]:
        """See ``Client``."""
        try:
            return codec.decode_parameters(self._call(self._stub.ModelConfig, pb.ModelConfigRequest(name=model)))
        except _Unimplemented:
            return {}

    def infer(self, model: str, inputs: Tensors) -> dict[str, np.ndarray]:
        """See ``Client``. Tensors go as raw contents."""
        message = self._call(self._stub.ModelInfer, codec.encode_request(model, inputs))
        try:
            return codec.decode_response(message).outputs
        except OipError as error:
            raise EndpointError(f"{self._url}: answer of {model!r}: {error}") from error

    def close(self) -> None:
        """See ``Client``."""
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _is(self, question: Callable[[], bool]) -> bool:
        try:
            return question()
        except EndpointError:
            return False

    def _call(self, method: Any, request: Any) -> Any:
        try:
            return method(request, timeout=self._timeout_s, metadata=self._metadata)
        except grpc.RpcError as error:
            status, details = error.code(), one_line(error.details())
            if status is grpc.StatusCode.DEADLINE_EXCEEDED:
                raise EndpointError(f"{self._url}: no answer within {self._timeout_s:g} s") from error
            if status is grpc.StatusCode.UNAVAILABLE:
                raise EndpointError(f"{self._url}: cannot connect or connection lost: {details}") from error
            kind = _Unimplemented if status is grpc.StatusCode.UNIMPLEMENTED else EndpointError
            raise kind(f"{self._url}: gRPC {status.name}: {details}") from error
