"""The deployment's manifest: what was asked of a server, and what it says that it really runs."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Final

from servers import EndpointError, OipError, RunningServer, ServerError, connect
from tailbed.suite import Candidate

NAME: Final = "deployment.json"
_TIMEOUT_S: Final = 5.0


def write_deployment(folder: Path, candidate: Candidate, server: RunningServer) -> None:
    """Write ``deployment.json`` into a run's folder. Asks the server once, so not to be called while it is loaded.

    Raises:
        ServerError: by its own account a service serves another artifact than it was prepared with, as one does that
            goes on while others prepare it anew.
    """
    deployment = candidate.deployment
    runs = _facts(server)
    if deployment.service is not None:
        _check_artifact(deployment.service, runs.get("sha256"), deployment.artifact.manifest.sha256)
    record = {
        "artifact": deployment.artifact.ref,
        "sha256": deployment.artifact.manifest.sha256,
        "stack": deployment.stack,
        "runtime": candidate.runtime,
        "variant": candidate.variant,
        "settings": asdict(deployment.settings),
        "cores": deployment.cores,
        "service": deployment.service,
        "image": asdict(candidate.image) if candidate.image else None,
        "endpoint": asdict(server.endpoint),
        "runs": runs,
        "command": server.launch.argv,
        "configuration": dict(server.launch.configuration),
    }
    (folder / NAME).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def _check_artifact(service: str, runs: str | None, prepared: str) -> None:
    if runs not in (None, prepared):
        raise ServerError(
            f"the service {service} serves the artifact with SHA-256 {runs}, but was prepared with {prepared}: "
            f"docker compose up -d --force-recreate {service}"
        )


def _facts(server: RunningServer) -> dict[str, str]:
    """Providers, threads, precision and so on by the server's own account; nothing where it does not tell."""
    try:
        with connect(server.endpoint.url, protocol=server.endpoint.protocol, timeout_s=_TIMEOUT_S) as client:
            return dict(client.config(server.endpoint.model))
    except (EndpointError, OipError):
        return {}
