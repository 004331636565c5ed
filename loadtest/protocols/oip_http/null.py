"""The answers of a null model in the Open Inference Protocol over HTTP."""

from __future__ import annotations

from typing import Final

import orjson

from loadtest.null_server.http import response
from loadtest.null_server.model import NullModel
from servers.oip import http
from servers.oip.metadata import encode_metadata

_JSON: Final = {"Content-Type": "application/json"}


class OipHttpNull:
    """See ``loadtest.null_server.http.HttpNull``.

    Args:
        binary: whether outputs go as binary data, else in JSON.
    """

    def __init__(self, model: NullModel, *, binary: bool = True) -> None:
        message = http.encode_response("null", model.answer(), binary=lambda _: binary)
        self._model = model
        self._answer = response(message.body, message.headers)
        self._server = orjson.dumps({"name": "null", "extensions": http.EXTENSIONS if binary else ()})

    def respond(self, path: bytes) -> bytes:
        """The response to a request for ``path``."""
        if path.endswith(b"/infer"):
            self._model.compute()
            return self._answer
        if path.endswith((b"/live", b"/ready")):
            return response(b"", {})
        if path == b"/v2":
            return response(self._server, _JSON)
        name = path.rpartition(b"/")[2].decode("ascii", "replace")
        return response(encode_metadata(self._model.metadata(name)), _JSON)


NULL = OipHttpNull
