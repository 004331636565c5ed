"""The folder that TensorFlow Serving loads a model from: one folder a version, with links to the artifact."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from exporters.artifact import Artifact
from servers.oip.message import VERSION
from servers.tfserving.tflite import with_signature
from servers.tfserving.warmup import RECORDS, records

_TFLITE: Final = "model.tflite"
"""The only name that it looks for."""


def write_model(artifact: Artifact, base: Path, *, max_batch: int) -> None:
    """Write ``base/1`` for an artifact; ``base`` is made.

    Warm-up requests that the artifact has of its own are left out: they are to be the same as on other servers, one
    of each batch size up to ``max_batch``.

    Raises:
        ServerError: a TensorFlow Lite file that cannot be given its signature.
    """
    version = base / VERSION
    version.mkdir(parents=True)
    source = artifact.model_file.path.resolve()
    extra = version / RECORDS.parent
    extra.mkdir()
    if source.is_dir():
        _link(source, version, without=extra.name)
        if (source / extra.name).is_dir():
            _link(source / extra.name, extra, without=RECORDS.name)
    else:
        (version / _TFLITE).write_bytes(with_signature(source, artifact.manifest))
    (version / RECORDS).write_bytes(records(artifact.manifest, max_batch=max_batch))


def _link(source: Path, folder: Path, *, without: str) -> None:
    for entry in source.iterdir():
        if entry.name != without:
            (folder / entry.name).symlink_to(entry)
