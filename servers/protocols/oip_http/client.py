"""The blocking client over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property, partial
from typing import Final
from urllib.parse import quote

import numpy as np

from models import Tensors
from servers.errors import EndpointError
from servers.oip import fields, http
from servers.oip.config import decode_parameters
from servers.oip.errors import OipError
from servers.oip.metadata import ModelMetadata, decode_metadata
from servers.protocols.http_session import HttpSession
from servers.target import Target

_NOT_THERE: Final = (404, 405, 501)
"""What servers answer to a path that they do not have."""


class HttpClient(HttpSession):
    """See ``Client``.

    Args:
        binary: whether tensors go as binary data; None asks the server whether it takes them.
    """

    def __init__(self, target: Target, *, timeout_s: float, binary: bool | None = None) -> None:
        super().__init__(target, timeout_s=timeout_s, reason=_reason)
        if binary is not None:
            self.binary = binary

    def live(self) -> bool:
        """See ``Client``."""
        return self.is_ok("/v2/health/live")

    def ready(self, model: str) -> bool:
        """See ``Client``."""
        return self.is_ok(f"{_path(model)}/ready")

    def metadata(self, model: str) -> ModelMetadata:
        """See ``Client``."""
        response = self.ask("GET", _path(model))
        try:
            return decode_metadata(response.data)
        except OipError as error:
            raise EndpointError(f"{self.url}: metadata of {model!r}: {error}") from error

    def config(self, model: str) -> Mapping[str, str]:
        """See ``Client``."""
        path = f"{_path(model)}/config"
        response = self.send("GET", path)
        if response.status in _NOT_THERE:
            return {}
        try:
            return decode_parameters(self.checked(path, response).data)
        except OipError as error:
            raise EndpointError(f"{self.url}: configuration of {model!r}: {error}") from error

    def infer(self, model: str, inputs: Tensors) -> dict[str, np.ndarray]:
        """See ``Client``."""
        try:
            message = http.encode_request(inputs, binary=self.binary)
        except OipError as error:
            raise EndpointError(f"{self.url}: {model!r} cannot be asked: {error}") from error
        response = self.ask("POST", f"{_path(model)}/infer", body=message.body, headers=message.headers)
        try:
            size = http.parse_json_size(response.headers.get(http.JSON_SIZE_HEADER))
            return http.decode_response(response.data, size).outputs
        except OipError as error:
            raise EndpointError(f"{self.url}: answer of {model!r}: {error}") from error

    @cached_property
    def binary(self) -> bool:
        """Whether the server says that it takes binary tensors.

        Raises:
            EndpointError: no answer, or an error.
        """
        response = self.send("GET", "/v2")
        if response.status in _NOT_THERE:
            return False
        try:
            extensions = fields.load(self.checked("/v2", response).data).get("extensions")
        except OipError as error:
            raise EndpointError(f"{self.url}: server metadata: {error}") from error
        return isinstance(extensions, list) and any(extension in extensions for extension in http.EXTENSIONS)


def _path(model: str) -> str:
    return f"/v2/models/{quote(model, safe='')}"


def _reason(body: bytes) -> str | None:
    with suppress(OipError, KeyError):
        return str(fields.load(body)["error"])
    return None


CLIENT = partial(HttpClient, binary=True)
