"""Exports in a child process each, so that no framework is loaded into the process that measures.

Run as a program, this module is that child: ``python -m ... MODEL FORMAT PRECISION STORE ANSWER``.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from exporters import Artifact, ArtifactStore, Checker, ExportError, export, exporter_for, unchanged
from models import MODELS, MissingPackage, Model, TailbedError
from servers import SupervisedProcess
from servers.runtimes import runtime_for
from tailbed.suite import Suite


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
    with tempfile.TemporaryDirectory(prefix="tailbed-export-") as scratch:
        answer, log = Path(scratch) / "answer.json", Path(scratch) / "export.log"
        argv = [sys.executable, "-m", __name__, model, format, precision, str(store.root), str(answer)]
        with SupervisedProcess.start([*argv, *(["force"] if force else [])], log=log) as child:
            code = child.wait()
        if not answer.exists():
            lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines() or ["it printed nothing"]
            raise ExportError(f"exporting {model}/{format}/{precision} failed (exit code {code}): {lines[-1]}")
        said = json.loads(answer.read_text(encoding="utf-8"))
    if "missing" in said:
        raise NotInstalled(said["missing"])
    if "error" in said:
        raise ExportError(said["error"])
    return Artifact.read(Path(said["folder"]))


def export_all(suite: Suite, store: ArtifactStore, tell: Callable[[str], None]) -> tuple[list[Artifact], list[str]]:
    """Every artifact that the suite serves, and those that are left out, each with its reason in one line.

    Args:
        suite: one that takes what is there goes on without what this machine lacks packages for.
        store: where the artifacts are, or go.
        tell: told the reference of what is exported now.

    Raises:
        TailbedError: an export failed, or the suite names an artifact that this machine lacks packages for.
    """
    artifacts, left_out = [], []
    for model, format, precision in suite.artifact_refs():
        ref = f"{model}/{format}/{precision}"
        tell(ref)
        try:
            artifacts.append(export_artifact(model, format, precision, store))
        except NotInstalled as error:
            if not suite.takes_what_is_there:
                raise
            left_out.append(f"{ref}: {error}")
    return artifacts, left_out


def _checker(model: Model, format: str) -> Checker:
    return runtime_for(exporter_for(model, format).format)


def _main(model: str, format: str, precision: str, store: str, answer: str, *force: str) -> None:
    try:
        chosen = MODELS.get(model)
        checker = _checker(chosen, format)
        artifact = export(
            chosen, format, precision, store=ArtifactStore(Path(store)), checker=checker, force=bool(force)
        )
        said = {"folder": str(artifact.folder)}
    except MissingPackage as error:
        said = {"missing": str(error)}
    except TailbedError as error:
        said = {"error": str(error)}
    Path(answer).write_text(json.dumps(said), encoding="utf-8")


if __name__ == "__main__":
    _main(*sys.argv[1:])
