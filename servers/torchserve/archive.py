"""A model archive (.mar): an artifact with tailbed's handler, as TorchServe's own archiver puts them together."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import yaml

from exporters.artifact import ANSWERS, Artifact
from exporters.evaluation import EVALUATION
from servers.deployment import Settings
from servers.errors import ServerError, one_line
from servers.torchserve.environment import ENVIRONMENT

MODEL_CONFIG: Final = "model-config.yaml"
HANDLER_SETTINGS: Final = "handler"
"""The part of the archive's configuration that our handler reads; TorchServe passes over it."""

DESCRIBED: Final = "described.json"
"""The file in an archive with a portable handler that has what it says of itself."""

HANDLER: Final = Path(__file__).with_name("handler.py")


def model_config(settings: Settings) -> str:
    """The archive's own configuration file.

    Each worker is a process that computes one batch at a time. ``batchSize`` counts requests, whatever their size, and
    ``maxBatchDelay`` milliseconds.
    """
    found = {
        "minWorkers": settings.instances,
        "maxWorkers": settings.instances,
        "batchSize": settings.max_batch,
        "maxBatchDelay": settings.max_delay_us // 1000,
        HANDLER_SETTINGS: {"threads": settings.threads, "device": settings.device, "max_batch": settings.max_batch},
    }
    return yaml.safe_dump(found, sort_keys=False)


def make_archive(
    artifact: Artifact, config: str, store: Path, *, handler: Path | None = None, texts: Mapping[str, str] | None = None
) -> Path:
    """Make ``store/MODEL.mar``, uncompressed, in place of one that is there.

    Args:
        artifact: what is to be served; its answers and its evaluation stay out.
        config: the archive's own configuration file.
        store: the folder of archives, made if need be.
        handler: the file with the handler; by default the one for workers in tailbed's own environment.
        texts: further files, text by name.

    Raises:
        ServerError: the archiver failed, as it does for a model's name that TorchServe does not take.
    """
    store.mkdir(exist_ok=True)
    # The archiver removes MODEL in its temporary folder, whatever that is: it gets a folder of its own.
    scratch = store.with_name(f"{store.name}-scratch")
    files = scratch / "files"
    files.mkdir(parents=True)
    try:
        (scratch / MODEL_CONFIG).write_text(config)
        for path in artifact.folder.resolve().iterdir():
            if path.name not in (ANSWERS, EVALUATION):
                (files / path.name).symlink_to(path)
        for name, text in (texts or {}).items():
            (files / name).write_text(text)
        done = subprocess.run(
            [
                *(str(ENVIRONMENT.python("TorchServe")), "-P", "-m", "model_archiver.model_packaging"),
                *("--model-name", artifact.manifest.model, "--version", "1.0", "--handler", str(handler or HANDLER)),
                *("--extra-files", files.name, "--config-file", MODEL_CONFIG),
                *("--export-path", str(store), "--archive-format", "zip-store", "--force"),
            ],
            cwd=scratch,  # names of its own: it takes commas and wildcards in paths for what they are not
            env={**os.environ, "TMPDIR": str(scratch)},
            capture_output=True,
            text=True,
            errors="replace",
        )
    finally:
        shutil.rmtree(scratch)
    if done.returncode:
        said = next((line for line in reversed(done.stderr.splitlines()) if line.strip()), "it said nothing")
        raise ServerError(f"{artifact.ref}: torch-model-archiver failed: {one_line(said)}")
    return store / f"{artifact.manifest.model}.mar"
