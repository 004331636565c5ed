"""Exports in a child process each, so that no framework is loaded into the process that measures.

Run as a program, this module is that child: ``python -m ... MODEL FORMAT PRECISION STORE ANSWER``.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from exporters import Artifact, ArtifactStore, ExportError, export, exporter_for, unchanged
from models import MODELS, TailbedError
from servers import SupervisedProcess
from servers.runtimes import runtime_for


def export_artifact(model: str, format: str, precision: str, store: ArtifactStore) -> Artifact:
    """Export ``model``, or take the artifact that an unchanged export made before.

    Raises:
        TailbedError: unknown names, or the export failed; in one line.
    """
    chosen = MODELS.get(model)
    checker = runtime_for(exporter_for(chosen, format).format)
    if (existing := unchanged(chosen, format, precision, store=store, checker=checker)) is not None:
        return existing
    with tempfile.TemporaryDirectory(prefix="tailbed-export-") as scratch:
        answer, log = Path(scratch) / "answer.json", Path(scratch) / "export.log"
        argv = [sys.executable, "-m", __name__, model, format, precision, str(store.root), str(answer)]
        with SupervisedProcess.start(argv, log=log) as child:
            code = child.wait()
        if not answer.exists():
            lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines() or ["it printed nothing"]
            raise ExportError(f"exporting {model}/{format}/{precision} failed (exit code {code}): {lines[-1]}")
        said = json.loads(answer.read_text(encoding="utf-8"))
    if "error" in said:
        raise ExportError(said["error"])
    return Artifact.read(Path(said["folder"]))


def _main(model: str, format: str, precision: str, store: str, answer: str) -> None:
    try:
        chosen = MODELS.get(model)
        checker = runtime_for(exporter_for(chosen, format).format)
        artifact = export(chosen, format, precision, store=ArtifactStore(Path(store)), checker=checker)
        said = {"folder": str(artifact.folder)}
    except TailbedError as error:
        said = {"error": str(error)}
    Path(answer).write_text(json.dumps(said), encoding="utf-8")


if __name__ == "__main__":
    _main(*sys.argv[1:])
