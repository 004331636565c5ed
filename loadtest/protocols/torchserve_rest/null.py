"""The answers of a null model in TorchServe's APIs over REST."""

from __future__ import annotations

import orjson

from loadtest.null_server.http import response
from loadtest.null_server.model import NullModel
from servers.protocols.torchserve_rest.codec import CONTENT_TYPE, encode
from servers.protocols.torchserve_rest.description import encode_customized, encode_description


class TorchServeRestNull:
    """See ``loadtest.null_server.http.HttpNull``."""

    def __init__(self, model: NullModel) -> None:
        self._model = model
        self._answer = response(encode(model.answer()), {"Content-Type": CONTENT_TYPE})

    def respond(self, path: bytes) -> bytes:
        """The response to a request for ``path``."""
        if path.startswith(b"/predictions/"):
            self._model.compute()
            return self._answer
        if path == b"/ping":
            return response(orjson.dumps({"status": "Healthy"}), {"Content-Type": "application/json"})
        name = path.partition(b"?")[0].rpartition(b"/")[2].decode("ascii", "replace")
        described = encode_description(name, encode_customized(self._model.metadata(name), {}))
        return response(described, {"Content-Type": "application/json"})


NULL = TorchServeRestNull
