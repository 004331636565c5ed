"""The blocking client over REST, for a server whose inference and management APIs are at one address."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from urllib.parse import quote

import numpy as np

from models import Tensors
from servers.errors import EndpointError, MessageError
from servers.oip import fields
from servers.oip.metadata import ModelMetadata
from servers.protocols.http_session import HttpSession
from servers.protocols.torchserve_rest.codec import CONTENT_TYPE, decode, encode
from servers.protocols.torchserve_rest.description import decode_customized, decode_description
from servers.target import Target


class TorchServeRestClient(HttpSession):
    """See ``Client``."""

    def __init__(self, target: Target, *, timeout_s: float) -> None:
        super().__init__(target, timeout_s=timeout_s, reason=_reason)

    def live(self) -> bool:
        """See ``Client``."""
        return self.is_ok("/ping")

    def ready(self, model: str) -> bool:
        """See ``Client``."""
        try:
            return decode_description(self.ask("GET", _model_path(model)).data).ready
        except (EndpointError, MessageError):
            return False

    def metadata(self, model: str) -> ModelMetadata:
        """See ``Client``. It has tensors only where the handler is ours."""
        return self._customized(model)[0]

    def config(self, model: str) -> Mapping[str, str]:
        """See ``Client``."""
        return self._customized(model)[1]

    def infer(self, model: str, inputs: Tensors) -> dict[str, np.ndarray]:
        """See ``Client``."""
        path = f"/predictions/{quote(model, safe='')}"
        response = self.ask("POST", path, body=encode(inputs), headers={"Content-Type": CONTENT_TYPE})
        try:
            return decode(response.data)
        except MessageError as error:
            raise EndpointError(f"{self.url}: answer of {model!r}: {error}") from error

    def _customized(self, model: str) -> tuple[ModelMetadata, dict[str, str]]:
        path = _model_path(model)
        response = self.send("GET", f"{path}?customized=true")
        if response.status != 200:  # a handler may fail to describe itself
            response = self.ask("GET", path)
        try:
            return decode_customized(model, decode_description(response.data).customized)
        except MessageError as error:
            raise EndpointError(f"{self.url}: description of {model!r}: {error}") from error


def _model_path(model: str) -> str:
    return f"/models/{quote(model, safe='')}"


def _reason(body: bytes) -> str | None:
    with suppress(MessageError, KeyError):
        return str(fields.load(body)["message"])
    return None


CLIENT = TorchServeRestClient
