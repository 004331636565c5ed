"""Imports of users' models in a child process each, as exports are; its program is this module."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from exporters import Artifact, ArtifactStore, Given, ModelImportError, import_artifact, model_name
from exporters.importer import importer_of
from models import TensorSpec
from servers.runtimes import runtime_for
from tailbed.experiment.child import answer, ask


def import_model(given: Given, store: ArtifactStore) -> Artifact:
    """Make a model of a user's file.

    Raises:
        TailbedError: it cannot be taken; in one line.
    """
    # What needs no library is told at once.
    model_name(given)
    importer_of(given.path)
    asked = {"given": asdict(given), "store": store.root}
    said = ask(__name__, asked, failed=f"{given.path}: importing it failed", error=ModelImportError)
    return Artifact.read(Path(said["folder"]))


def _import(asked: dict[str, Any]) -> dict[str, str]:
    fields = asked["given"]
    given = Given(
        path=Path(fields["path"]),
        name=fields["name"],
        inputs=_specs(fields["inputs"]),
        outputs=_specs(fields["outputs"]),
        pool=None if fields["pool"] is None else Path(fields["pool"]),
        force=fields["force"],
    )
    artifact = import_artifact(given, store=ArtifactStore(Path(asked["store"])), checker_of=runtime_for)
    return {"folder": str(artifact.folder)}


def _specs(entries: list[dict[str, object]]) -> tuple[TensorSpec, ...]:
    return tuple(TensorSpec(str(entry["name"]), str(entry["dtype"]), tuple(entry["shape"])) for entry in entries)  # type: ignore[arg-type]


if __name__ == "__main__":
    answer(_import)
