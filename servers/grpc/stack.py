"""The gRPC server in each of its protocols."""

from __future__ import annotations

from servers.inference.own_stack import OwnStack, TfServingCompatible

_PORTS = ("grpc", "metrics")
_PACKAGES = ("grpcio", "grpcio-health-checking", "tritonclient", "uvloop", "prometheus-client")

STACKS = (
    OwnStack("grpc", "oip-grpc", folder="grpc", ports=_PORTS, packages=_PACKAGES),
    TfServingCompatible("grpc-tfserving-compatible", "tfserving-grpc", folder="grpc", ports=_PORTS, packages=_PACKAGES),
)
