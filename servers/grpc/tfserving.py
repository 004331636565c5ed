"""TensorFlow Serving's gRPC API on our server: compatible with it, and not TensorFlow Serving.

What it has beyond predictions, metadata and status is UNIMPLEMENTED.
"""

from __future__ import annotations

import logging

import grpc

from servers.grpc.calls import unary
from servers.inference.served import ServedModel
from servers.tfserving.formats import COMPATIBLE
from servers.tfserving_api import grpc as codec
from servers.tfserving_api import tfserving_pb2 as pb
from servers.tfserving_api.errors import TfServingError
from servers.tfserving_api.signature import check_signature

_log = logging.getLogger(__name__)


def services(model: ServedModel) -> tuple[grpc.GenericRpcHandler, ...]:
    """``PredictionService`` and ``ModelService``, for one model."""

    async def predict(request: pb.PredictRequest) -> pb.PredictResponse:
        _check(model, request.model_spec)
        with model.metrics.request():
            outputs = await model.infer(codec.decode_request(request))
            return codec.encode_response(model.metadata.name, outputs)

    async def metadata(request: pb.GetModelMetadataRequest) -> pb.GetModelMetadataResponse:
        _check(model, request.model_spec)
        if list(request.metadata_field) != [codec.SIGNATURES]:
            raise TfServingError(
                f"metadata_field is {list(request.metadata_field)}: the one that there is, is {codec.SIGNATURES!r}"
            )
        return codec.encode_metadata(model.metadata)

    async def status(request: pb.GetModelStatusRequest) -> pb.GetModelStatusResponse:
        _check(model, request.model_spec)
        return codec.encode_status(model.metadata, ready=model.ready)

    prediction = {
        "Predict": unary(pb.PredictRequest, predict),
        "GetModelMetadata": unary(pb.GetModelMetadataRequest, metadata),
    }
    _log.info("%s: %s and %s: not TensorFlow Serving itself", COMPATIBLE, codec.PREDICTION, codec.MODEL)
    return (
        grpc.method_handlers_generic_handler(codec.PREDICTION, prediction),
        grpc.method_handlers_generic_handler(codec.MODEL, {"GetModelStatus": unary(pb.GetModelStatusRequest, status)}),
    )


def _check(model: ServedModel, about: pb.ModelSpec) -> None:
    version = about.version_label
    if about.WhichOneof("version_choice") == "version":
        version = str(about.version.value)
    model.known(about.name, version)
    check_signature(about.signature_name)
