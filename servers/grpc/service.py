"""The Open Inference Protocol over gRPC, for one model."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib.metadata import version
from typing import Any, Final

import grpc
from google.protobuf.message import DecodeError, Message
from tritonclient.grpc import service_pb2 as pb

from models import TailbedError, TensorMismatch
from servers.inference.instances import ComputeError
from servers.inference.served import NotReady, ServedModel, UnknownModel
from servers.oip import grpc as codec
from servers.oip.errors import OipError

SERVICE: Final = "inference.GRPCInferenceService"

_STATUS: Final[dict[type[Exception], grpc.StatusCode]] = {
    OipError: grpc.StatusCode.INVALID_ARGUMENT,
    TensorMismatch: grpc.StatusCode.INVALID_ARGUMENT,
    UnknownModel: grpc.StatusCode.NOT_FOUND,
    NotReady: grpc.StatusCode.UNAVAILABLE,
    ComputeError: grpc.StatusCode.INTERNAL,
}
_DETAILS: Final = 1000
"""Characters of an error: it travels in a header, which gRPC limits to 8 KiB with all others."""


def service(model: ServedModel) -> grpc.GenericRpcHandler:
    """The protocol's calls; what Triton's service has beyond them is UNIMPLEMENTED."""

    async def server_live(_: pb.ServerLiveRequest) -> pb.ServerLiveResponse:
        return pb.ServerLiveResponse(live=True)

    async def server_ready(_: pb.ServerReadyRequest) -> pb.ServerReadyResponse:
        return pb.ServerReadyResponse(ready=model.ready)

    async def server_metadata(_: pb.ServerMetadataRequest) -> pb.ServerMetadataResponse:
        return pb.ServerMetadataResponse(
            name="tailbed-grpc", version=version("tailbed"), extensions=["model_configuration"]
        )

    async def model_ready(request: pb.ModelReadyRequest) -> pb.ModelReadyResponse:
        model.known(request.name, request.version)
        return pb.ModelReadyResponse(ready=model.ready)

    async def model_metadata(request: pb.ModelMetadataRequest) -> pb.ModelMetadataResponse:
        model.known(request.name, request.version)
        return codec.encode_metadata(model.metadata)

    async def model_config(request: pb.ModelConfigRequest) -> pb.ModelConfigResponse:
        model.known(request.name, request.version)
        return codec.encode_config(model.config())

    async def model_infer(request: pb.ModelInferRequest) -> pb.ModelInferResponse:
        model.known(request.model_name, request.model_version)
        with model.metrics.request():
            asked = codec.decode_request(request)
            outputs = await model.infer(asked)
            return codec.encode_response(model.metadata.name, outputs, id=asked.id)

    calls = {
        "ServerLive": _handler(pb.ServerLiveRequest, server_live),
        "ServerReady": _handler(pb.ServerReadyRequest, server_ready),
        "ServerMetadata": _handler(pb.ServerMetadataRequest, server_metadata),
        "ModelReady": _handler(pb.ModelReadyRequest, model_ready),
        "ModelMetadata": _handler(pb.ModelMetadataRequest, model_metadata),
        "ModelConfig": _handler(pb.ModelConfigRequest, model_config),
        "ModelInfer": _handler(pb.ModelInferRequest, model_infer),
    }
    return grpc.method_handlers_generic_handler(SERVICE, calls)


def _handler(kind: Any, call: Callable[[Any], Awaitable[Message]]) -> grpc.RpcMethodHandler:
    """A unary call that reads its own request: a generated one answers UNKNOWN, with a traceback, to what is none."""

    async def answer(sent: bytes, context: grpc.aio.ServicerContext) -> bytes:
        try:
            return (await call(kind.FromString(sent))).SerializeToString()
        except DecodeError:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"the message is no {kind.DESCRIPTOR.name}")
        except TailbedError as error:
            status = next(_STATUS[base] for base in type(error).__mro__ if base in _STATUS)
            await context.abort(status, str(error)[:_DETAILS])
        raise AssertionError("abort does not return")

    return grpc.unary_unary_rpc_method_handler(answer)
