"""A small blocking client, the same in every protocol."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol, Self

import numpy as np

from models import Registry, Tensors
from servers.errors import EndpointError
from servers.oip.metadata import ModelMetadata
from servers.target import Target, parse_target

_LONGEST_S: Final = 1e6
"""Of a timeout: sockets wait for at most 2**31 milliseconds."""


class Client(Protocol):
    """One server. Every call ends within the timeout that it was connected with."""

    def live(self) -> bool:
        """Whether the server answers that it runs; False when nothing answers."""
        ...

    def ready(self, model: str) -> bool:
        """Whether the server answers that ``model`` can be asked; False when nothing answers."""
        ...

    def metadata(self, model: str) -> ModelMetadata:
        """What the server says of ``model``; without tensors, where neither protocol nor server tells them.

        Raises:
            EndpointError: no answer, or an error, such as for an unknown model.
        """
        ...

    def config(self, model: str) -> Mapping[str, str]:
        """What the server says of how it runs ``model``, by name: on our servers, what really runs.

        Empty where the protocol or the server has nothing of the kind.

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


class ClientFactory(Protocol):
    """Makes the client of one protocol. ``servers/protocols/<name>/client.py`` has one as ``CLIENT``."""

    def __call__(self, target: Target, *, timeout_s: float) -> Client:
        """A client of the server at ``target``; nothing is sent yet."""
        ...


CLIENTS: Final[Registry[ClientFactory]] = Registry("servers.protocols", entry="client", attribute="CLIENT")
"""Every ``servers/protocols/<name>/client.py``. Each one brings its library."""

_USUAL: Final = {"http": "oip-http", "grpc": "oip-grpc"}
"""What a server is taken to speak where nobody says, by its URL's scheme: the Open Inference Protocol."""
JSON_ALONE: Final = "oip-http-json"
"""The same over HTTP, without its binary tensor extension."""


def protocol_of(target: Target, *, timeout_s: float) -> str:
    """The protocol to load a server in where nobody says: the Open Inference Protocol, as the server takes tensors.

    Raises:
        EndpointError: no answer, or an error.
    """
    usual = _USUAL[target.scheme]
    if usual == "oip-http":
        from servers.protocols.oip_http.client import HttpClient

        with HttpClient(target, timeout_s=timeout_s) as client:
            return usual if client.binary else JSON_ALONE
    return usual


def connect(
    url: str,
    *,
    protocol: str | None = None,
    timeout_s: float,
    headers: Mapping[str, str] | None = None,
    ca_file: Path | None = None,
) -> Client:
    """A client of the server at ``http://HOST:PORT`` or ``grpc://HOST:PORT``, https or grpcs. Nothing is sent yet.

    Args:
        protocol: one of ``CLIENTS``; by default the Open Inference Protocol, with binary tensors if the server takes
            them.
        timeout_s: for each call, above 0 and at most a million.
        headers: sent with each call.
        ca_file: certificates (PEM) to trust instead of the system's.

    Raises:
        EndpointError: the URL is not one of these, or timeout, headers or certificates cannot be used.
        UnknownName: there is no such protocol.
    """
    if not 0 < timeout_s <= _LONGEST_S:
        raise EndpointError(f"timeout of {timeout_s:g} s: expected seconds above 0, at most {_LONGEST_S:,.0f}")
    target = parse_target(url, headers=headers, ca_file=ca_file)
    if protocol is None and target.scheme == "http":
        from servers.protocols.oip_http.client import HttpClient

        return HttpClient(target, timeout_s=timeout_s)
    return CLIENTS.get(protocol or _USUAL[target.scheme])(target, timeout_s=timeout_s)
