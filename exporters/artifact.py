"""An artifact: a model in one format and precision, as a folder with the file and its manifest."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal
from zipfile import BadZipFile

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from exporters.checker import ModelFile
from exporters.evaluation import EVALUATION, Evaluation, EvaluationError
from models import TailbedError, Tensors, TensorSpec
from models.inputs import is_batched, one_item
from models.validation import first_problem

MANIFEST = "manifest.json"
SCHEMA_VERSION: Final = 3
ANSWERS = "answers.npz"
IMPORTED = "imported"
"""The framework of a file that a user brought."""


class ArtifactError(TailbedError):
    """An artifact that is missing, incomplete or changed since it was made."""


class Parity(BaseModel):
    """How the artifact's outputs compare with its source's on the evaluation set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_abs_diff: float
    """Largest absolute difference over all outputs and items."""
    scale: float
    """Largest absolute value of the source's outputs; 1 where all of them are zero."""
    label_agreement: float
    """Share of items whose largest score is at the same class."""
    items: int


class Determinism(BaseModel):
    """Whether the artifact gives the same answer again. Zero means bit by bit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    repeat_max_abs_diff: float
    """Largest difference between the outputs for the same batch, computed twice."""
    batch_max_abs_diff: float
    """Largest difference between an item's outputs alone and in a batch of eight."""
    by_output: dict[str, float]
    """The larger one of the two for each output."""


class BehaviourResult(BaseModel):
    """How a behavioural check of the model came out for this artifact."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    kind: str
    passed: int
    cases: int


class Manifest(BaseModel):
    """What an artifact is, where it comes from and how good it is. Stored as ``manifest.json``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[3] = SCHEMA_VERSION
    model: str
    export: str
    """What it is called in its reference: the format, with the source's framework where it is not the usual one."""
    format: str
    precision: str
    file: str
    """The artifact's file, or the folder where the format takes several, relative to its own folder."""
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    batch_sizes: tuple[int, ...] | None
    """The batch sizes that the file computes; None for any. Others are put together from these."""
    framework: str
    """The source framework; ``IMPORTED`` for a file that a user brought."""
    settings: dict[str, str]
    """What the exporter set, such as the opset or how activations were quantized."""
    versions: dict[str, str]
    """Versions of the source's, the exporter's and the checking runtime's packages, by distribution name."""
    weights_sha256: str
    weights_origin: str
    """Where the weights come from, in words."""
    runtime: str
    """The runtime that the parity, the accuracy and the answers were computed with."""
    sha256: str
    """SHA-256 of the file; of a folder, that of all its files' names and checksums in order."""
    size_bytes: int
    export_seconds: float | None
    """Wall time of the conversion, without training or checking; with what its libraries import on their first use.
    None for an imported file."""
    tolerance: float
    """Largest difference from the source that this precision may have, as a share of each output's scale."""
    parity: Parity | None
    """None for an imported file: it is its own source."""
    accuracy: float | None
    """Share of the evaluation set that the artifact labels right; None where there are no true labels."""
    determinism: Determinism
    answer_tolerance: dict[str, float]
    """By output, the largest absolute difference from ``answers.npz`` with which a server's answer is right."""
    behaviours: tuple[BehaviourResult, ...]
    fingerprint: str
    """SHA-256 over everything that the artifact was made and checked from: equal means there is nothing to redo."""
    created: str
    """UTC, ISO 8601."""

    @property
    def batched(self) -> bool:
        """Whether it takes batches; else a request is one item without an axis for it."""
        return is_batched(self.inputs + self.outputs)


@dataclass(frozen=True)
class Answers:
    """The request pool and the artifact's own in-process outputs for it, each array ``[items, ...]``.

    ``batched`` is whether the model takes an item as ``[1, ...]``, or without the axis of items.
    """

    inputs: Tensors
    outputs: Tensors
    batched: bool = True

    def __len__(self) -> int:
        """How many items there are."""
        return len(next(iter(self.inputs.values())))

    def request(self, item: int) -> dict[str, np.ndarray]:
        """The tensors of one request."""
        return one_item(self.inputs, item, batched=self.batched)

    def answer(self, item: int) -> dict[str, np.ndarray]:
        """The tensors of the right answer to it."""
        return one_item(self.outputs, item, batched=self.batched)


@dataclass(frozen=True)
class Artifact:
    """A folder that holds ``manifest.json``, the model's file, ``answers.npz`` and ``evaluation.npz``."""

    folder: Path
    manifest: Manifest

    @property
    def ref(self) -> str:
        """``model/format/precision``, as users name it."""
        return f"{self.manifest.model}/{self.manifest.export}/{self.manifest.precision}"

    @property
    def path(self) -> Path:
        """The model's file or folder."""
        return self.folder / self.manifest.file

    @property
    def model_file(self) -> ModelFile:
        """The file with what a runtime must know of it."""
        manifest = self.manifest
        return ModelFile(self.path, manifest.inputs, manifest.outputs, manifest.precision, manifest.batch_sizes)

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
        return Answers(_under("inputs", arrays), _under("outputs", arrays), self.manifest.batched)

    def evaluation(self) -> Evaluation:
        """Read how it labels each item of the evaluation set; of an imported file, of that part of its inputs.

        Raises:
            ArtifactError: the file is missing or unreadable.
        """
        try:
            return Evaluation.read(self.folder / EVALUATION)
        except EvaluationError as error:
            raise ArtifactError(f"{error}: export {self.ref} again") from error

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
            content = path.read_bytes()
            manifest = Manifest.model_validate_json(content)
        except FileNotFoundError as error:
            raise ArtifactError(f"{folder}: not an artifact: it has no {MANIFEST}") from error
        except OSError as error:
            raise ArtifactError(f"{path}: unreadable ({error.strerror})") from error
        except ValidationError as error:
            if _is_of_another_version(content):
                raise ArtifactError(f"{path}: made by another version of tailbed: export or import it again") from error
            raise ArtifactError(f"{path}: {first_problem(error)}") from error
        return cls(folder, manifest)


def sha256_of(path: Path) -> str:
    """SHA-256 in hexadecimal of a file, or over the names and checksums of all files in a folder."""
    if path.is_dir():
        files = sorted(file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file())
        return hashlib.sha256("".join(f"{sha256_of(path / file)}  {file}\n" for file in files).encode()).hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Store ``manifest`` as ``manifest.json`` in an artifact's folder."""
    (folder / MANIFEST).write_text(manifest.model_dump_json(indent=2) + "\n")


def write_answers(folder: Path, answers: Answers) -> None:
    """Store ``answers`` as ``answers.npz`` in an artifact's folder."""
    arrays = {f"inputs/{name}": array for name, array in answers.inputs.items()}
    arrays |= {f"outputs/{name}": array for name, array in answers.outputs.items()}
    with (folder / ANSWERS).open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]  # numpy's stub takes **kwargs for allow_pickle


def _is_of_another_version(manifest: bytes) -> bool:
    try:
        found = json.loads(manifest)
    except ValueError:
        return False
    return isinstance(found, dict) and found.get("schema_version") not in (None, SCHEMA_VERSION)


def _under(prefix: str, arrays: Tensors) -> dict[str, np.ndarray]:
    return {name.removeprefix(f"{prefix}/"): array for name, array in arrays.items() if name.startswith(f"{prefix}/")}
