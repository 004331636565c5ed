"""The Open Inference Protocol over HTTP, for one model, and beside it TensorFlow Serving's REST API."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from importlib.metadata import version
from typing import Any, Final

import orjson
from fastapi import FastAPI, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from models import TensorMismatch
from servers.errors import MessageError
from servers.fastapi import tfserving
from servers.fastapi.body import read_body
from servers.inference.instances import ComputeError
from servers.inference.served import NotReady, ServedModel, UnknownModel
from servers.oip import http
from servers.oip.config import encode_config
from servers.oip.metadata import encode_metadata

_JSON_SIZE: Final = http.JSON_SIZE_HEADER.lower().encode()
_EXTENSIONS: Final = (*http.EXTENSIONS, "model_configuration")
_MODEL: Final = "/v2/models/{model}"
_VERSION: Final = "/v2/models/{model}/versions/{version}"
_STATUS: Final[dict[type[Exception], int]] = {
    MessageError: 400,
    TensorMismatch: 400,
    ClientDisconnect: 400,
    UnknownModel: 404,
    NotReady: 503,
    ComputeError: 500,
}


def create_app(model: ServedModel, lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]]) -> FastAPI:
    """The application; ``lifespan`` loads the model and closes it."""
    # Neither schema nor docs: no route has a body that FastAPI could describe.
    app = FastAPI(title="tailbed", lifespan=lifespan, openapi_url=None)

    @app.get("/v2/health/live")
    async def live() -> Response:
        return Response()

    @app.get("/v2/health/ready")
    async def ready() -> Response:
        return _ready(model)

    @app.get("/v2")
    async def server_metadata() -> Response:
        return _json({"name": "tailbed-fastapi", "version": version("tailbed"), "extensions": _EXTENSIONS})

    @app.get(f"{_MODEL}/ready")
    @app.get(f"{_VERSION}/ready")
    async def model_ready(request: Request) -> Response:
        model.known(**request.path_params)
        return _ready(model)

    @app.get(_MODEL)
    @app.get(_VERSION)
    async def model_metadata(request: Request) -> Response:
        model.known(**request.path_params)
        return Response(encode_metadata(model.metadata), media_type="application/json")

    @app.get(f"{_MODEL}/config")
    @app.get(f"{_VERSION}/config")
    async def model_config(request: Request) -> Response:
        model.known(**request.path_params)
        return Response(encode_config(model.config()), media_type="application/json")

    @app.get("/metrics")
    async def metrics() -> Response:
        return Response(generate_latest(model.metrics.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def infer(request: Request) -> Response:
        model.known(**request.path_params)
        with model.metrics.request():
            asked = http.decode_request(await read_body(request), _json_size(request))
            outputs = await model.infer(asked)
            answer = http.encode_response(model.metadata.name, outputs, binary=asked.binary, id=asked.id)
        return Response(answer.body, headers=answer.headers)

    # Plain routes: FastAPI's own would solve dependencies, of which there are none, for 20 microseconds a request.
    app.add_route(f"{_MODEL}/infer", infer, methods=["POST"])
    app.add_route(f"{_VERSION}/infer", infer, methods=["POST"])
    # Behind the others: a request looks at one route after the other.
    tfserving.add_routes(app, model)

    for kind in _STATUS:
        app.add_exception_handler(kind, _refuse)
    app.add_exception_handler(HTTPException, _refuse_http)
    app.add_exception_handler(Exception, _refuse_defect)
    return app


def _json_size(request: Request) -> int | None:
    size = None
    for name, value in request.scope["headers"]:  # in lower case, by the ASGI specification
        if name == _JSON_SIZE:
            size = http.parse_json_size(value.decode("latin-1"))
        elif name == b"content-encoding" and value != b"identity":
            raise HTTPException(415, f"Content-Encoding {value.decode('latin-1')!r} is not supported")
    return size


def _ready(model: ServedModel) -> Response:
    """200 or, as the protocol has it, any status of 4xx."""
    return Response() if model.ready else _json({"error": "the model is being loaded"}, 400)


def _refuse(_: Request, error: Exception) -> Response:
    status = next(_STATUS[base] for base in type(error).__mro__ if base in _STATUS)
    return _json({"error": str(error)}, status)


def _refuse_http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    answer = _json({"error": error.detail}, error.status_code)
    answer.headers.update(error.headers or {})
    return answer


def _refuse_defect(_: Request, error: Exception) -> Response:
    """For what should not happen; the server has its traceback in the log."""
    return _json({"error": f"{type(error).__name__} in the server"}, 500)


def _json(content: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(content), status, media_type="application/json")
