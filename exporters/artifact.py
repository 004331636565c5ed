"""An artifact: a model in one format and precision, as a folder with the file and its manifest."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from models import TailbedError, Tensors, TensorSpec
from models.validation import first_problem

MANIFEST = "manifest.json"
ANSWERS = "answers.npz"


class ArtifactError(TailbedError):
    """An artifact that is missing, incomplete or changed since it was made."""


class Parity(BaseModel):
    """How the artifact's outputs compare with its source's on the evaluation set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_abs_diff: float
    """Largest absolute difference over all outputs and items."""
    label_agreement: float
    """Share of items whose largest score is at the same class."""
    items: int


class Manifest(BaseModel):
    """What an artifact is, where it comes from and how good it is. Stored as ``manifest.json``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = 1
    model: str
    format: str
    precision: str
    file: str
    """The artifact's file, relative to its folder."""
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    framework: str
    """The source framework."""
    versions: dict[str, str]
    """Versions of the source's, the exporter's and the checking runtime's packages, by distribution name."""
    weights_sha256: str
    runtime: str
    """The runtime that the parity, the accuracy and the answers were computed with."""
    sha256: str
    """SHA-256 of the file."""
    size_bytes: int
    export_seconds: float
    """Wall time of the conversion, without training or checking; with what its libraries import on their first use."""
    tolerance: float
    """Largest absolute difference from the source that this precision may have."""
    parity: Parity
    accuracy: float | None
    """Share of the evaluation set that the artifact labels right; None where there are no true labels."""
    fingerprint: str
    """SHA-256 over everything that the artifact was made and checked from: equal means there is nothing to redo."""
    created: str
    """UTC, ISO 8601."""


@dataclass(frozen=True)
class Answers:
    """The request pool and the artifact's own in-process outputs for it, each array ``[items, ...]``."""

    inputs: Tensors
    outputs: Tensors


@dataclass(frozen=True)
class Artifact:
    """A folder that holds ``manifest.json``, the model's file and ``answers.npz``."""

    folder: Path
    manifest: Manifest

    @property
    def ref(self) -> str:
        """``model/format/precision``, as users name it."""
        return f"{self.manifest.model}/{self.manifest.format}/{self.manifest.precision}"

    @property
    def path(self) -> Path:
        """The model's file."""
        return self.folder / self.manifest.file

    def answers(self) -> Answers:
        """Read the request pool and the artifact's own outputs for it.

        Raises:
            ArtifactError: the file is missing or unreadable.
        """
        path = self.folder / ANSWERS
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in stored.files}
        except (OSError, ValueError, EOFError, BadZipFile) as error:
            raise ArtifactError(f"{path}: unreadable ({error}): export {self.ref} again") from error
        return Answers(_under("inputs", arrays), _under("outputs", arrays))

    def check(self) -> None:
        """Compare the model's file with the manifest's checksum.

        Raises:
            ArtifactError: the file is missing, unreadable or another one.
        """
        try:
            found = sha256_of(self.path)
        except OSError as error:
            raise ArtifactError(f"{self.path}: unreadable ({error.strerror}): export {self.ref} again") from error
        if found != self.manifest.sha256:
            raise ArtifactError(f"{self.path}: changed since it was made (SHA-256 differs): export {self.ref} again")

    @classmethod
    def read(cls, folder: Path) -> Artifact:
        """Read an artifact's manifest; the model's file is not opened.

        Raises:
            ArtifactError: the manifest is missing or is not one.
        """
        path = folder / MANIFEST
        try:
            manifest = Manifest.model_validate_json(path.read_bytes())
        except FileNotFoundError as error:
            raise ArtifactError(f"{folder}: not an artifact: it has no {MANIFEST}") from error
        except OSError as error:
            raise ArtifactError(f"{path}: unreadable ({error.strerror})") from error
        except ValidationError as error:
            raise ArtifactError(f"{path}: {first_problem(error)}") from error
        return cls(folder, manifest)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Store ``manifest`` as ``manifest.json`` in an artifact's folder."""
    (folder / MANIFEST).write_text(manifest.model_dump_json(indent=2) + "\n")


def write_answers(folder: Path, answers: Answers) -> None:
    """Store ``answers`` as ``answers.npz`` in an artifact's folder."""
    arrays = {f"inputs/{name}": array for name, array in answers.inputs.items()}
    arrays |= {f"outputs/{name}": array for name, array in answers.outputs.items()}
    with (folder / ANSWERS).open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]  # numpy's stub takes **kwargs for allow_pickle


def _under(prefix: str, arrays: Tensors) -> dict[str, np.ndarray]:
    return {name.removeprefix(f"{prefix}/"): array for name, array in arrays.items() if name.startswith(f"{prefix}/")}
