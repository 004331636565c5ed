"""Triton in a container: NVIDIA's image with its own backends, or ours with the Python backend."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote

from servers.containers import Container, Prepared
from servers.containers.scripts import EVERY_ADDRESS, START, write_ready, write_start
from servers.deployment import Deployment
from servers.errors import ServerError
from servers.inference.batching import check_batchable
from servers.inference.command import check_deployment, check_settings, environment
from servers.triton.command import command
from servers.triton.installation import Installation
from servers.triton.native import NativeBackend, native_backend
from servers.triton.repository import CONFIG, configuration, write_repository

VARIABLE: Final = "TAILBED_TRITON_BACKENDS"
"""Environment variable with the backends that the image is to compute with."""
NATIVE: Final = "native"
"""Triton's own, which NVIDIA's image has."""
PYTHON: Final = "python"
"""The Python backend with tailbed and its runtimes, which our image has."""

_HOME: Final = Path("/opt/tritonserver")
_DEVICES: Final[Mapping[str, tuple[str, ...]]] = {
    "onnxruntime": ("cpu", "cuda"),
    "pytorch": ("cpu", "cuda"),
    "tensorflow": ("cpu", "cuda"),
    "openvino": ("cpu",),
    "tensorrt": ("cuda",),
}
"""What the backends in NVIDIA's image compute on, by name ("Where can I find all the backends that are available for
Triton?", https://github.com/triton-inference-server/backend)."""


class _Image(Installation):
    """Both images have the server at the same place."""

    def has(self, backend: str) -> bool:
        return backend in _DEVICES


_IMAGE: Final = _Image(_HOME / "bin" / "tritonserver", _HOME / "backends")


class _Triton:
    stacks: tuple[str, ...] = ("triton-http", "triton-grpc")
    ports: Mapping[str, int] = {"http": 8000, "grpc": 8001, "metrics": 8002}

    def prepare(self, deployment: Deployment, folder: Path) -> Prepared:
        """See ``Container``."""
        artifact, settings = deployment.artifact, deployment.settings
        native = _native(deployment)
        if native is None:
            runtime = check_deployment(deployment).name
            computes = f"{runtime} in the Python backend"
        else:
            runtime = computes = f"{native.name} backend"
        config = configuration(deployment, native, {"runtime": runtime})
        repository = folder / "repository"
        write_repository(repository, artifact, config, native)
        told = command(
            _IMAGE,
            repository=repository,
            backends=_IMAGE.backends,
            host=EVERY_ADDRESS,
            ports=self.ports,
            shared_memory="tailbed-",
            gpu=settings.device != "cpu",
        )
        start = write_start(folder, told, environment(settings))
        write_ready(folder, port=self.ports["http"], path=f"/v2/models/{quote(artifact.manifest.model)}/ready")
        return Prepared(computes, {CONFIG: config, START: start})


def _native(deployment: Deployment) -> NativeBackend | None:
    """The backend of Triton's own; None where the Python backend is asked for."""
    chosen = os.environ.get(VARIABLE) or NATIVE
    if chosen not in (NATIVE, PYTHON):
        raise ServerError(f"{VARIABLE} is {chosen!r}, expected {NATIVE} or {PYTHON}")
    if chosen == PYTHON:
        return None
    artifact, settings = deployment.artifact, deployment.settings
    check_settings(settings)
    if settings.max_batch > 1:
        check_batchable(artifact.manifest)
    native = native_backend(artifact.manifest, _IMAGE)
    if native is None:
        raise ServerError(
            f"{artifact.ref} cannot be served by Triton's own backends: with an image that has tailbed in it "
            f"(servers/triton/Dockerfile) and {VARIABLE}={PYTHON}, its Python backend may"
        )
    if settings.device not in _DEVICES[native.name]:
        raise ServerError(
            f"{artifact.ref} cannot be served on {settings.device}: Triton's {native.name} backend computes on "
            f"{' or '.join(_DEVICES[native.name])}"
        )
    return native


CONTAINER: Container = _Triton()
