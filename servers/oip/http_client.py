"""The blocking client over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote

import numpy as np
import urllib3

from models import Tensors
from servers.oip import fields, http
from servers.oip.config import decode_parameters
from servers.oip.errors import EndpointError, OipError, one_line
from servers.oip.metadata import ModelMetadata, decode_metadata
from servers.oip.target import Target

_NOT_THERE: Final = (404, 405, 501)
"""What servers answer to a path that they do not have."""


class HttpClient:
    """See ``Client``. Neither retries nor proxies nor redirects: what it says is what the server did."""

    def __init__(self, target: Target, *, timeout_s: float) -> None:
        bracketed = f"[{target.host}]" if ":" in target.host else target.host
        self._url = target.url
        self._headers = target.headers
        self._timeout_s = timeout_s
        timeout = urllib3.Timeout(total=timeout_s)
        if context := target.ssl_context():
            self._pool: urllib3.HTTPConnectionPool = urllib3.HTTPSConnectionPool(
                bracketed, target.port, timeout=timeout, retries=False, maxsize=1, ssl_context=context
            )
        else:
            self._pool = urllib3.HTTPConnectionPool(bracketed, target.port, timeout=timeout, retries=False, maxsize=1)

    def live(self) -> bool:
        """See ``Client``."""
        return self._is_ok("/v2/health/live")

    def ready(self, model: str) -> bool:
        """See ``Client``."""
        return self._is_ok(f"{_path(model)}/ready")

    def metadata(self, model: str) -> ModelMetadata:
        """See ``Client``."""
        response = self._ask("GET", _path(model))
        try:
            return decode_metadata(response.data)
        except OipError as error:
            raise EndpointError(f"{self._url}: metadata of {model!r}: {error}") from error

    def config(self, model: str) -> Mapping[str, str]:
        """See ``Client``."""
        path = f"{_path(model)}/config"
        response = self._send("GET", path)
        if response.status in _NOT_THERE:
            return {}
        try:
            return decode_parameters(self._checked(path, response).data)
        except OipError as error:
            raise EndpointError(f"{self._url}: configuration of {model!r}: {error}") from error

    def infer(self, model: str, inputs: Tensors) -> dict[str, np.ndarray]:
        """See ``Client``. Tensors go as binary data if the server says that it takes them."""
        message = http.encode_request(inputs, binary=self._binary)
        response = self._ask("POST", f"{_path(model)}/infer", body=message.body, headers=message.headers)
        try:
            size = http.parse_json_size(response.headers.get(http.JSON_SIZE_HEADER))
            return http.decode_response(response.data, size).outputs
        except OipError as error:
            raise EndpointError(f"{self._url}: answer of {model!r}: {error}") from error

    def close(self) -> None:
        """See ``Client``."""
        self._pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @cached_property
    def _binary(self) -> bool:
        try:
            extensions = fields.load(self._ask("GET", "/v2").data).get("extensions")
        except OipError as error:
            raise EndpointError(f"{self._url}: server metadata: {error}") from error
        return isinstance(extensions, list) and any(extension in extensions for extension in http.EXTENSIONS)

    def _is_ok(self, path: str) -> bool:
        try:
            return self._send("GET", path).status == 200
        except EndpointError:
            return False

    def _ask(self, method: str, path: str, **content: Any) -> urllib3.BaseHTTPResponse:
        return self._checked(path, self._send(method, path, **content))

    def _checked(self, path: str, response: urllib3.BaseHTTPResponse) -> urllib3.BaseHTTPResponse:
        if response.status != 200:
            raise EndpointError(f"{self._url}{path}: HTTP {response.status}: {_reason(response)}")
        return response

    def _send(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, **content: Any
    ) -> urllib3.BaseHTTPResponse:
        try:
            return self._pool.urlopen(
                method, path, redirect=False, headers={**self._headers, **(headers or {})}, **content
            )
        except urllib3.exceptions.NewConnectionError as error:
            cause = error.__cause__ or error
            reason = cause.strerror if isinstance(cause, OSError) and cause.strerror else str(cause)
            raise EndpointError(f"{self._url}: cannot connect: {reason}") from error
        except urllib3.exceptions.TimeoutError as error:
            raise EndpointError(f"{self._url}{path}: no answer within {self._timeout_s:g} s") from error
        except urllib3.exceptions.ProtocolError as error:
            raise EndpointError(f"{self._url}{path}: the connection was lost: {one_line(error.args[-1])}") from error
        except urllib3.exceptions.HTTPError as error:
            raise EndpointError(f"{self._url}{path}: {one_line(error)}") from error


def _path(model: str) -> str:
    return f"/v2/models/{quote(model, safe='')}"


def _reason(response: urllib3.BaseHTTPResponse) -> str:
    """The server's own message in one line, be it the protocol's JSON or anything else."""
    text = response.data[:1000].decode(errors="replace")
    with suppress(OipError, KeyError):
        text = str(fields.load(response.data)["error"])
    return one_line(text) or str(response.reason)
