"""TensorFlow Serving's REST API on our server: compatible with it, and not TensorFlow Serving.

What it has beyond predictions, status and metadata is not there.
"""

from __future__ import annotations

import logging
from typing import Final

from fastapi import FastAPI, Request, Response

from servers.fastapi.body import read_body
from servers.inference.served import ServedModel
from servers.oip.message import InferRequest
from servers.tfserving.formats import COMPATIBLE
from servers.tfserving_api import rest
from servers.tfserving_api.model import encode_metadata, encode_status

_MODEL: Final = "/v1/models/{model}"
_VERSION: Final = "/v1/models/{model}/versions/{version}"
_JSON: Final = "application/json"
_log = logging.getLogger(__name__)


def add_routes(app: FastAPI, model: ServedModel) -> None:
    """Add the API's paths for ``model`` to an application that turns our exceptions into ``{"error": ...}``."""

    async def status(request: Request) -> Response:
        model.known(**request.path_params)
        return Response(encode_status(model.metadata, ready=model.ready), media_type=_JSON)

    async def metadata(request: Request) -> Response:
        model.known(**request.path_params)
        return Response(encode_metadata(model.metadata), media_type=_JSON)

    async def predict(request: Request) -> Response:
        model.known(**request.path_params)
        with model.metrics.request():
            asked = rest.decode_request(await read_body(request), model.metadata.inputs)
            outputs = await model.infer(InferRequest(asked.inputs))
            answer = rest.encode_response(outputs, rows=asked.rows)
        return Response(answer, media_type=_JSON)

    for base in (_MODEL, _VERSION):
        app.add_route(f"{base}:predict", predict, methods=["POST"])
        app.add_route(f"{base}/metadata", metadata, methods=["GET"])
        app.add_route(base, status, methods=["GET"])
    _log.info("%s at /v1/models: not TensorFlow Serving itself", COMPATIBLE)
