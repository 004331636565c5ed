"""The answers of a null model in the Open Inference Protocol over HTTP."""

from __future__ import annotations

from loadtest.null_server.http import response
from loadtest.null_server.model import NullModel
from servers.oip import http
from servers.oip.metadata import encode_metadata


class OipHttpNull:
    """See ``loadtest.null_server.http.HttpNull``."""

    def __init__(self, model: NullModel) -> None:
        message = http.encode_response("null", model.answer(), binary=lambda _: True)
        self._model = model
        self._answer = response(message.body, message.headers)

    def respond(self, path: bytes) -> bytes:
        """The response to a request for ``path``."""
        if path.endswith(b"/infer"):
            self._model.compute()
            return self._answer
        if path.endswith((b"/live", b"/ready")):
            return response(b"", {})
        name = path.rpartition(b"/")[2].decode("ascii", "replace")
        return response(encode_metadata(self._model.metadata(name)), {"Content-Type": "application/json"})


NULL = OipHttpNull
