"""The deployment's manifest: what was asked of a server, and what it says that it really runs."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Final

from servers import EndpointError, OipError, RunningServer, connect
from tailbed.suite import Candidate

NAME: Final = "deployment.json"
_TIMEOUT_S: Final = 5.0


def write_deployment(folder: Path, candidate: Candidate, server: RunningServer) -> None:
    """Write ``deployment.json`` into a run's folder. Asks the server once, so not to be called while it is loaded."""
    deployment = candidate.deployment
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
        "runs": _facts(server),
        "command": server.launch.argv,
        "configuration": dict(server.launch.configuration),
    }
    (folder / NAME).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def _facts(server: RunningServer) -> dict[str, str]:
    """Providers, threads, precision and so on by the server's own account; nothing where it does not tell."""
    try:
        with connect(server.endpoint.url, protocol=server.endpoint.protocol, timeout_s=_TIMEOUT_S) as client:
            return dict(client.config(server.endpoint.model))
    except (EndpointError, OipError):
        return {}
