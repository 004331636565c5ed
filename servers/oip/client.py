"""A small blocking client of any Open Inference Protocol server, for checking and preparing; not for load."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol, Self

import numpy as np

from models import Tensors
from servers.oip.errors import EndpointError
from servers.oip.metadata import ModelMetadata
from servers.oip.target import parse_target

_LONGEST_S: Final = 1e6
"""Of a timeout: sockets wait for at most 2**31 milliseconds."""


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

    def config(self, model: str) -> Mapping[str, str]:
        """The parameters of ``model`` in Triton's model configuration: on our servers, what really runs.

        Empty where the server does not have that extension.

        Raises:
            EndpointError: no answer, or an error, such as for a model that is still being loaded.
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


def connect(
    url: str, *, timeout_s: float, headers: Mapping[str, str] | None = None, ca_file: Path | None = None
) -> Client:
    """A client of the server at ``http://HOST:PORT`` or ``grpc://HOST:PORT``, https or grpcs. Nothing is sent yet.

    Args:
        timeout_s: for each call, above 0 and at most a million.
        headers: sent with each call.
        ca_file: certificates (PEM) to trust instead of the system's.

    Raises:
        EndpointError: the URL is not one of these, or timeout, headers or certificates cannot be used.
    """
    if not 0 < timeout_s <= _LONGEST_S:
        raise EndpointError(f"timeout of {timeout_s:g} s: expected seconds above 0, at most {_LONGEST_S:,.0f}")
    target = parse_target(url, headers=headers, ca_file=ca_file)
    # Each one brings its library, and nobody needs both.
    if target.scheme == "http":
        from servers.oip.http_client import HttpClient

        return HttpClient(target, timeout_s=timeout_s)
    from servers.oip.grpc_client import GrpcClient

    return GrpcClient(target, timeout_s=timeout_s)
