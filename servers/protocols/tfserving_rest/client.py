"""The blocking client of TensorFlow Serving's REST API."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

import numpy as np

from models import Tensors, TensorSpec
from servers.errors import EndpointError
from servers.oip.metadata import ModelMetadata
from servers.protocols.http_session import HttpSession
from servers.target import Target
from servers.tfserving_api import json_text, rest
from servers.tfserving_api.errors import TfServingError
from servers.tfserving_api.model import decode_metadata, decode_status
from servers.tfserving_api.signature import path


class TfServingRestClient(HttpSession):
    """See ``Client``. What a model's outputs are is asked once, since the answers do not tell."""

    def __init__(self, target: Target, *, timeout_s: float) -> None:
        super().__init__(target, timeout_s=timeout_s, reason=_reason)
        self._outputs: dict[str, tuple[TensorSpec, ...]] = {}

    def live(self) -> bool:
        """See ``Client``. The API has no such question: any answer will do."""
        try:
            self.send("GET", "/v1/models")
        except EndpointError:
            return False
        return True

    def ready(self, model: str) -> bool:
        """See ``Client``."""
        try:
            return decode_status(self.ask("GET", path(model)).data)
        except (EndpointError, TfServingError):
            return False

    def metadata(self, model: str) -> ModelMetadata:
        """See ``Client``."""
        response = self.ask("GET", f"{path(model)}/metadata")
        try:
            return decode_metadata(response.data)
        except TfServingError as error:
            raise EndpointError(f"{self.url}: metadata of {model!r}: {error}") from error

    def config(self, model: str) -> Mapping[str, str]:  # noqa: ARG002
        """See ``Client``. The API tells nothing of the kind."""
        return {}

    def infer(self, model: str, inputs: Tensors) -> dict[str, np.ndarray]:
        """See ``Client``. Tensors go by columns."""
        if model not in self._outputs:
            self._outputs[model] = self.metadata(model).outputs
        try:
            body = rest.encode_request(inputs)
        except TfServingError as error:
            raise EndpointError(f"{self.url}: {model!r} cannot be asked: {error}") from error
        headers = {"Content-Type": "application/json"}
        response = self.ask("POST", f"{path(model)}:predict", body=body, headers=headers)
        try:
            return rest.decode_response(response.data, self._outputs[model])
        except TfServingError as error:
            raise EndpointError(f"{self.url}: answer of {model!r}: {error}") from error


def _reason(body: bytes) -> str | None:
    with suppress(TfServingError, KeyError):
        return str(json_text.load(body)["error"])
    return None


CLIENT = TfServingRestClient
