"""The FastAPI server in a container."""

from __future__ import annotations

from servers.containers import Container
from servers.inference.in_container import OwnContainer

CONTAINER: Container = OwnContainer("fastapi", {"http": 8000}, ready_at="http", ready_path="/v2/models/{model}/ready")
