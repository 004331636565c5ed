"""What a started server hands to the load: where it answers, and in which protocol."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Endpoint:
    """One model, served.

    Attributes:
        protocol: name of the protocol, such as ``"oip-http"`` or ``"oip-grpc"``.
        url: ``http://HOST:PORT`` or ``grpc://HOST:PORT``.
        model: the model's name on that server.
        metrics_url: where the server's Prometheus metrics are, or None where it has none.
    """

    protocol: str
    url: str
    model: str
    metrics_url: str | None = None


@dataclass(frozen=True)
class Endpoints:
    """Where a server is asked.

    Attributes:
        answers: where it answers requests.
        ready: where it says whether the model is ready.
    """

    answers: Endpoint
    ready: Endpoint
