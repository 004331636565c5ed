"""Exports in a child process each, whose program is this module."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from exporters import Artifact, ArtifactStore, Checker, ExportError, export, exporter_for, unchanged
from models import MODELS, MissingPackage, Model, TailbedError
from servers.runtimes import runtime_for
from tailbed.experiment.child import answer, ask


class NotInstalled(TailbedError):
    """An export whose libraries are not all there."""


def export_artifact(model: str, format: str, precision: str, store: ArtifactStore, *, force: bool = False) -> Artifact:
    """Export ``model``, or take the artifact that an unchanged export made before, or that it was imported as.

    Raises:
        NotInstalled: a package that the export takes is not installed.
        TailbedError: unknown names, or the export failed; in one line.
    """
    chosen = MODELS.get(model)
    if (brought := store.imported(f"{model}/{format}/{precision}")) is not None:
        return brought
    try:
        if not force and (
            existing := unchanged(chosen, format, precision, store=store, checker=_checker(chosen, format))
        ):
            return existing
    except MissingPackage as error:
        raise NotInstalled(str(error)) from error
    asked = {"model": model, "format": format, "precision": precision, "store": store.root, "force": force}
    said = ask(__name__, asked, failed=f"exporting {model}/{format}/{precision} failed", error=ExportError)
    if "missing" in said:
        raise NotInstalled(said["missing"])
    return Artifact.read(Path(said["folder"]))


def export_all(
    refs: Sequence[str], store: ArtifactStore, tell: Callable[[str], None], *, takes_what_is_there: bool
) -> tuple[list[Artifact], list[str]]:
    """Every artifact asked for, and those that are left out, each with its reason in one line.

    Args:
        refs: each ``model/format/precision``.
        store: where the artifacts are, or go.
        tell: told the reference of what is exported now.
        takes_what_is_there: whether what this machine lacks packages for is left out.

    Raises:
        TailbedError: an export failed, or takes packages that this machine lacks and is not to be left out.
    """
    artifacts, left_out = [], []
    for ref in refs:
        model, format, precision = ref.split("/")
        tell(ref)
        try:
            artifacts.append(export_artifact(model, format, precision, store))
        except NotInstalled as error:
            if not takes_what_is_there:
                raise
            left_out.append(f"{ref}: {error}")
    return artifacts, left_out


def _checker(model: Model, format: str) -> Checker:
    return runtime_for(exporter_for(model, format).format)


def _export(asked: dict[str, Any]) -> dict[str, str]:
    try:
        chosen = MODELS.get(asked["model"])
        format, store = asked["format"], ArtifactStore(Path(asked["store"]))
        checker = _checker(chosen, format)
        artifact = export(chosen, format, asked["precision"], store=store, checker=checker, force=asked["force"])
    except MissingPackage as error:
        return {"missing": str(error)}
    return {"folder": str(artifact.folder)}


if __name__ == "__main__":
    answer(_export)
