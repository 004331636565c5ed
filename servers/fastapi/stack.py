"""The FastAPI server in each of its protocols."""

from __future__ import annotations

from servers.inference.own_stack import OwnStack, TfServingCompatible

_PORTS = ("http",)
_PACKAGES = ("fastapi", "uvicorn", "uvloop", "httptools", "prometheus-client")

STACKS = (
    OwnStack("fastapi", "oip-http", folder="fastapi", ports=_PORTS, packages=_PACKAGES),
    TfServingCompatible(
        "fastapi-tfserving-compatible", "tfserving-rest", folder="fastapi", ports=_PORTS, packages=_PACKAGES
    ),
)
