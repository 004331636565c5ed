"""A small blocking client of any Open Inference Protocol server, for checking and preparing; not for load."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, Self
from urllib.parse import urlsplit

import numpy as np

from models import Tensors
from servers.oip.errors import EndpointError
from servers.oip.metadata import ModelMetadata


class Client(Protocol):
    """One server, over either protocol. Every call ends within the timeout that it was connected with."""

    def live(self) -> bool:
        """Whether the server answers that it runs; False when nothing answers."""
        ...

    def ready(self, model: str) -> bool:
        """Whether the server answers that ``model`` can be asked; False when nothing answers."""
        ...

    def metadata(self, model: str) -> ModelMetadata:
        """What the server says of ``model``.

        Raises:
            EndpointError: no answer, or an error, such as for an unknown model.
        """
        ...

    def infer(self, model: str, inputs: Tensors) -> dict[str, np.ndarray]:
        """All outputs of ``model`` for a batch.

        Raises:
            EndpointError: no answer, or an error, such as for inputs that do not fit.
        """
        ...

    def close(self) -> None:
        """Close the connections."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def connect(url: str, *, timeout_s: float) -> Client:
    """A client of the server at ``http://HOST:PORT`` or ``grpc://HOST:PORT``. Nothing is sent yet.

    Raises:
        EndpointError: the URL is not one of these.
    """
    scheme, host, port = _split(url)
    # Each one brings its library, and nobody needs both.
    if scheme == "http":
        from servers.oip.http_client import HttpClient

        return HttpClient(host, port, timeout_s=timeout_s)
    from servers.oip.grpc_client import GrpcClient

    return GrpcClient(host, port, timeout_s=timeout_s)


def _split(url: str) -> tuple[str, str, int]:
    try:
        parts = urlsplit(url)
        scheme, host, port = parts.scheme, parts.hostname, parts.port
        rest = parts.path.rstrip("/") + parts.query + parts.fragment
    except ValueError:  # a port that is no number, an address with brackets that do not match
        scheme, host, port, rest = "", None, None, ""
    if scheme not in ("http", "grpc") or not host or not port or rest:
        raise EndpointError(f"{url}: not an endpoint: expected http://HOST:PORT or grpc://HOST:PORT")
    return scheme, host, port
