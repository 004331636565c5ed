"""Imports of users' models in a child process each, as exports are.

Run as a program, this module is that child: ``python -m ... REQUEST``, a file of JSON.
"""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from exporters import Artifact, ArtifactStore, Given, ModelImportError, import_artifact, model_name
from exporters.importer import importer_of
from models import TailbedError, TensorSpec
from servers import SupervisedProcess
from servers.runtimes import runtime_for


def import_model(given: Given, store: ArtifactStore) -> Artifact:
    """Make a model of a user's file.

    Raises:
        TailbedError: it cannot be taken; in one line.
    """
    # What needs no library is told at once.
    model_name(given)
    importer_of(given.path)
    with tempfile.TemporaryDirectory(prefix="tailbed-import-") as scratch:
        request, answer, log = (Path(scratch) / name for name in ("request.json", "answer.json", "import.log"))
        request.write_text(json.dumps({"given": asdict(given), "store": store.root}, default=str), encoding="utf-8")
        argv = [sys.executable, "-m", __name__, str(request), str(answer)]
        with SupervisedProcess.start(argv, log=log) as child:
            code = child.wait()
        if not answer.exists():
            lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines() or ["it printed nothing"]
            raise ModelImportError(f"{given.path}: importing it failed (exit code {code}): {lines[-1]}")
        said = json.loads(answer.read_text(encoding="utf-8"))
    if "error" in said:
        raise ModelImportError(said["error"])
    return Artifact.read(Path(said["folder"]))


def _main(request: str, answer: str) -> None:
    asked = json.loads(Path(request).read_text(encoding="utf-8"))
    fields = asked["given"]
    given = Given(
        path=Path(fields["path"]),
        name=fields["name"],
        inputs=_specs(fields["inputs"]),
        outputs=_specs(fields["outputs"]),
        pool=None if fields["pool"] is None else Path(fields["pool"]),
        force=fields["force"],
    )
    try:
        artifact = import_artifact(given, store=ArtifactStore(Path(asked["store"])), checker_of=runtime_for)
        said = {"folder": str(artifact.folder)}
    except TailbedError as error:
        said = {"error": str(error)}
    Path(answer).write_text(json.dumps(said), encoding="utf-8")


def _specs(entries: list[dict[str, object]]) -> tuple[TensorSpec, ...]:
    return tuple(TensorSpec(str(entry["name"]), str(entry["dtype"]), tuple(entry["shape"])) for entry in entries)  # type: ignore[arg-type]


if __name__ == "__main__":
    _main(*sys.argv[1:])
