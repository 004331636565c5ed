"""The gRPC server in a container. Whether it is ready is read from its metrics, which takes no gRPC client."""

from __future__ import annotations

from servers.containers import Container
from servers.inference.in_container import OwnContainer

CONTAINER: Container = OwnContainer(
    "grpc",
    {"grpc": 8001, "metrics": 8002},
    ready_at="metrics",
    ready_path="/metrics",
    ready_line=r"^tailbed_model_ready\{.*\} 1\.0",
)
