"""The command line of tritonserver."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from servers.triton.installation import Installation

EXIT_TIMEOUT_S = 5
"""How long the server, told to end, waits for connections to close and models to unload."""
GRACE_S = 8.0
"""How long it is given for all of that. It looks once a second, so it takes two or three even with no connections."""


def command(
    installation: Installation,
    *,
    repository: Path,
    backends: Path,
    host: str,
    ports: Mapping[str, int],
    shared_memory: str,
    gpu: bool,
) -> tuple[str, ...]:
    """Serve all models of a repository over HTTP and gRPC, and metrics.

    Args:
        installation: whose server it is.
        repository: the model repository.
        backends: the folder of backends.
        host: address for all three; the server's own default is every address of the machine.
        ports: for ``http``, ``grpc`` and ``metrics``.
        shared_memory: what the names of the Python backend's files in ``/dev/shm`` begin with.
        gpu: whether models are computed on GPUs, which the metrics are then of too.
    """
    return (
        str(installation.server),
        f"--model-repository={repository}",
        f"--backend-directory={backends}",
        f"--backend-config=python,shm-region-prefix-name={shared_memory}",
        # The configurations are complete. To complete them the Python backend would start each program once more.
        "--disable-auto-complete-config",
        f"--exit-timeout-secs={EXIT_TIMEOUT_S}",
        f"--allow-gpu-metrics={str(gpu).lower()}",
        *(f"--{use}-{what}" for use, port in ports.items() for what in (f"address={host}", f"port={port}")),
    )


def leftovers(shared_memory: str) -> tuple[str, ...]:
    """What a server that was killed leaves behind, as patterns of ``glob``."""
    return (f"/dev/shm/{shared_memory}*",)  # noqa: S108  # where the kernel has shared memory
