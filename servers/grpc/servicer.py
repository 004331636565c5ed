"""The Open Inference Protocol over gRPC, for one model."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any, Final, NoReturn

import grpc
from tritonclient.grpc import service_pb2 as pb
from tritonclient.grpc import service_pb2_grpc as pb_grpc

from models import TailbedError, TensorMismatch
from servers.inference.instances import ComputeError
from servers.inference.served import NotReady, ServedModel, UnknownModel
from servers.oip import grpc as codec
from servers.oip.errors import OipError

_STATUS: Final[dict[type[TailbedError], grpc.StatusCode]] = {
    OipError: grpc.StatusCode.INVALID_ARGUMENT,
    TensorMismatch: grpc.StatusCode.INVALID_ARGUMENT,
    UnknownModel: grpc.StatusCode.NOT_FOUND,
    NotReady: grpc.StatusCode.UNAVAILABLE,
    ComputeError: grpc.StatusCode.INTERNAL,
}

_DETAILS: Final = 1000
"""Characters of an error: it travels in a header, which gRPC limits to 8 KiB with all others."""


class InferenceServicer(pb_grpc.GRPCInferenceServiceServicer):  # type: ignore[misc]  # it has no types
    """The calls of the protocol; what Triton has beyond them answers UNIMPLEMENTED."""

    def __init__(self, model: ServedModel) -> None:
        self._model = model

    async def ServerLive(self, _request: Any, _context: grpc.aio.ServicerContext) -> pb.ServerLiveResponse:
        """Yes, whoever asks."""
        return pb.ServerLiveResponse(live=True)

    async def ServerReady(self, _request: Any, _context: grpc.aio.ServicerContext) -> pb.ServerReadyResponse:
        """Whether the one model is ready."""
        return pb.ServerReadyResponse(ready=self._model.ready)

    async def ServerMetadata(self, _request: Any, _context: grpc.aio.ServicerContext) -> pb.ServerMetadataResponse:
        """Name and version."""
        return pb.ServerMetadataResponse(name="tailbed-grpc", version=version("tailbed"))

    async def ModelReady(self, request: Any, context: grpc.aio.ServicerContext) -> pb.ModelReadyResponse:
        """Whether the model is loaded and has answered once."""
        await self._check(request, context)
        return pb.ModelReadyResponse(ready=self._model.ready)

    async def ModelMetadata(self, request: Any, context: grpc.aio.ServicerContext) -> pb.ModelMetadataResponse:
        """Platform and tensors."""
        await self._check(request, context)
        return codec.encode_metadata(self._model.metadata)

    async def ModelInfer(self, request: Any, context: grpc.aio.ServicerContext) -> pb.ModelInferResponse:
        """Compute."""
        try:
            self._model.known(request.model_name, request.model_version)
            with self._model.metrics.request():
                asked = codec.decode_request(request)
                outputs = await self._model.infer(asked)
                return codec.encode_response(self._model.metadata.name, outputs, id=asked.id)
        except TailbedError as error:
            await _refuse(error, context)

    async def _check(self, request: Any, context: grpc.aio.ServicerContext) -> None:
        try:
            self._model.known(request.name, request.version)
        except UnknownModel as error:
            await _refuse(error, context)


async def _refuse(error: TailbedError, context: grpc.aio.ServicerContext) -> NoReturn:
    status = next(_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS)
    await context.abort(status, str(error)[:_DETAILS])
    raise AssertionError("abort does not return")
