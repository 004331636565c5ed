"""The answers of a null model in TensorFlow Serving's REST API."""

from __future__ import annotations

from typing import Final
from urllib.parse import unquote

from loadtest.null_server.http import response
from loadtest.null_server.model import NullModel
from servers.tfserving_api import rest
from servers.tfserving_api.model import encode_metadata, encode_status

_JSON: Final = {"Content-Type": "application/json"}


class TfServingRestNull:
    """See ``loadtest.null_server.http.HttpNull``."""

    def __init__(self, model: NullModel) -> None:
        self._model = model
        self._answer = response(rest.encode_response(model.answer(), rows=False), _JSON)

    def respond(self, path: bytes) -> bytes:
        """The response to a request for ``path``."""
        if path.endswith(b":predict"):
            self._model.compute()
            return self._answer
        name, _, rest_of_path = path.removeprefix(b"/v1/models/").decode("ascii", "replace").partition("/")
        metadata = self._model.metadata(unquote(name))
        body = encode_metadata(metadata) if rest_of_path == "metadata" else encode_status(metadata, ready=True)
        return response(body, _JSON)


NULL = TfServingRestNull
