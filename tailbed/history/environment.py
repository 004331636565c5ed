"""Where an experiment was measured, as columns: from its ``environment.json``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from tailbed.history.columns import PACKAGES, Row, normal, package_column
from tailbed.results.folder import ExperimentFolder


def environment_columns(folder: ExperimentFolder) -> Row:
    """Machine, system and versions; None where they are not known.

    ``environment_changed`` tells that the experiment went on elsewhere: where it was resumed, its first runs are of the
    columns' environment and later ones may not be.
    """
    columns = _columns(folder.read_environment())
    later = [_columns(_read(path)) for path in folder.path.glob("environment-*.json")]
    return {**columns, "environment_changed": any(other != columns for other in later)}


def packages_sha256(packages: Mapping[str, str]) -> str:
    """SHA-256 over ``name==version`` of every installed distribution, a line each, in the names' order."""
    lines = sorted(f"{normal(name)}=={version}\n" for name, version in packages.items())
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _columns(environment: Mapping[str, Any]) -> Row:
    machine, system, software = (_part(environment, name) for name in ("machine", "system", "software"))
    git, packages = _part(software, "git"), {normal(k): str(v) for k, v in _part(software, "packages").items()}
    usable = machine.get("cores_usable")
    return {
        "cpu": machine.get("cpu"),
        "architecture": machine.get("architecture"),
        "cores": machine.get("cores_logical"),
        "cores_usable": len(usable) if isinstance(usable, list) else None,
        "memory_bytes": machine.get("memory_bytes"),
        "governor": machine.get("governor"),
        "kernel": system.get("kernel"),
        "os": system.get("os"),
        "python": software.get("python"),
        "git_commit": git.get("commit"),
        "git_modified": git.get("modified"),
        "packages_sha256": packages_sha256(packages) if packages else None,
        "packages": json.dumps(packages, sort_keys=True) if packages else None,
        **{package_column(name): packages.get(name) for name in PACKAGES},
    }


def _part(mapping: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = mapping.get(name)
    return part if isinstance(part, Mapping) else {}


def _read(path: Any) -> Mapping[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, Mapping) else {}
