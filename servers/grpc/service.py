"""The Open Inference Protocol over gRPC, for one model."""

from __future__ import annotations

from importlib.metadata import version
from typing import Final

import grpc
from tritonclient.grpc import service_pb2 as pb

from servers.grpc.calls import unary
from servers.inference.served import ServedModel
from servers.oip import grpc as codec

SERVICE: Final = "inference.GRPCInferenceService"


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
        "ServerLive": unary(pb.ServerLiveRequest, server_live),
        "ServerReady": unary(pb.ServerReadyRequest, server_ready),
        "ServerMetadata": unary(pb.ServerMetadataRequest, server_metadata),
        "ModelReady": unary(pb.ModelReadyRequest, model_ready),
        "ModelMetadata": unary(pb.ModelMetadataRequest, model_metadata),
        "ModelConfig": unary(pb.ModelConfigRequest, model_config),
        "ModelInfer": unary(pb.ModelInferRequest, model_infer),
    }
    return grpc.method_handlers_generic_handler(SERVICE, calls)
