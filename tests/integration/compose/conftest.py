"""The project's own compose.yaml, up with every service whose image can be built here."""

import os
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import containers
from tests.containers import ROOT, Project, docker

SERVERS = ("fastapi", "grpc", "triton", "torchserve")
"""Without TensorFlow Serving: its program is in the official image only, which cannot be built."""
LOAD = ("locust", "locust-worker")
WATCHERS = ("prometheus", "node-exporter")
"""Without Grafana, for the same reason."""
PORTS = (
    *("FASTAPI_PORT", "GRPC_PORT", "TRITON_HTTP_PORT", "TRITON_GRPC_PORT", "TORCHSERVE_REST_PORT"),
    *("TORCHSERVE_GRPC_PORT", "LOCUST_PORT", "PROMETHEUS_PORT"),
)
WATCHER_IMAGES = str(ROOT / "tests/integration/monitoring/images")


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("results")


@pytest.fixture(scope="session")
def ports() -> dict[str, int]:
    """A free port for each that is published."""
    sockets = {name: socket.create_server(("127.0.0.1", 0)) for name in PORTS}
    numbers = {name: each.getsockname()[1] for name, each in sockets.items()}
    for each in sockets.values():
        each.close()
    return numbers


@pytest.fixture(scope="session")
def project(results: Path, ports: dict[str, int]) -> Iterator[Project]:
    """All of it, up and healthy."""
    name = f"tailbed-test-{secrets.token_hex(4)}"
    variables = {
        "PYTHON_IMAGE": containers.python_image(),
        "TRITON_IMAGE": "tailbed/triton",
        "TRITON_BACKENDS": "python",
        "TORCHSERVE_IMAGE": "tailbed/torchserve",
        "PROMETHEUS_IMAGE": "tailbed-test/prometheus",
        "NODE_EXPORTER_IMAGE": "tailbed-test/node-exporter",
        "RESULTS": str(results),
        "TAILBED_UID": str(os.getuid()),
        "TAILBED_GID": str(os.getgid()),
        **{name: str(port) for name, port in ports.items()},
    }
    with pytest.MonkeyPatch.context() as patched:
        for variable, value in variables.items():
            patched.setenv(variable, value)
        found = Project(name, ROOT / "compose.yaml")
        for target in WATCHERS:
            tag = f"tailbed-test/{target}"
            docker("build", "--quiet", "--target", target, "--tag", tag, WATCHER_IMAGES, timeout_s=600)
        try:
            found.compose("--profile", "images", "build", "--quiet", timeout_s=1800)
            found.compose("up", "--detach", "--wait", *SERVERS, *LOAD, *WATCHERS, timeout_s=600)
            yield found
        finally:
            found.compose("--profile", "*", "down", "--volumes", "--timeout", "10")


@pytest.fixture(autouse=True)
def _engine() -> None:
    if reason := containers.missing():
        pytest.skip(reason)
