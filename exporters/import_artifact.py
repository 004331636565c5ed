"""A user's model file as an artifact: read, run, and published whole or not at all."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from exporters.artifact import (
    IMPORTED,
    MANIFEST,
    Answers,
    Artifact,
    Manifest,
    sha256_of,
    size_of,
    write_answers,
    write_manifest,
)
from exporters.checker import Checker, ModelFile
from exporters.evaluation import EVALUATION, Evaluation
from exporters.importer import ModelImportError, importer_of
from exporters.importing.signature import with_batch, with_given
from exporters.importing.trial import Trial, try_out
from exporters.store import ArtifactStore
from exporters.verification import TOLERANCES, answer_tolerance
from models import MODELS, TailbedError, Tensors, TensorSpec, package_versions
from models.imported.models import held_out
from models.imported.record import SOURCE, ImportedModel, imported, publish
from models.inputs import from_npz, generate

_GENERATED = "inputs are generated from the specification: values say nothing about accuracy"
_MOST_ITEMS, _FEWEST_ITEMS = 256, 16
_MOST_BYTES = 64 * 2**20
_LENGTH = 16
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True)
class Given:
    """What the user says of a model.

    Attributes:
        path: the file or folder.
        name: what the model is called; None for the file's own name.
        inputs: specifications where the file has none, or lengths of axes that may have any.
        outputs: the same of the outputs.
        pool: an ``.npz`` of inputs, ``[items, ...]`` by name; None to make them up.
        force: whether a model that was imported under that name before is replaced.
    """

    path: Path
    name: str | None = None
    inputs: tuple[TensorSpec, ...] = ()
    outputs: tuple[TensorSpec, ...] = ()
    pool: Path | None = None
    force: bool = False


def model_name(given: Given) -> str:
    """The name of the model that ``given`` becomes.

    Raises:
        ModelImportError: it is no name, or taken.
    """
    name = given.name or re.sub(r"[^A-Za-z0-9._-]+", "-", given.path.resolve().stem).lstrip("._-")
    if not _NAME.fullmatch(name):
        raise ModelImportError(f"{name!r} is no name for a model: give --name with letters, digits, '.', '_' and '-'")
    if name in imported():
        if not given.force:
            raise ModelImportError(f"{name} is imported already: replace it with --force, or give another --name")
    elif name in MODELS.names():
        raise ModelImportError(f"{name} is a reference model's name: give another with --name")
    return name


def import_artifact(given: Given, *, store: ArtifactStore, checker_of: Callable[[str], Checker]) -> Artifact:
    """Make a model of the user's file, and publish it with its one artifact in ``store``.

    It is loaded by the runtime that will serve it, and must give for its inputs what its outputs are said to be. A
    failed or interrupted import leaves everything as it was.

    Args:
        given: the file, and what the user says of it.
        store: where the artifact goes.
        checker_of: the runtime that loads a format.

    Raises:
        ModelImportError: the file is none that can be taken; in one line.
        MissingPackage: a package that the format takes is not installed.
        PublishError: the disk does not take it.
    """
    name, path = model_name(given), given.path
    importer = importer_of(path)
    checker = checker_of(importer.format)
    versions = package_versions(*importer.packages, *checker.packages, needed_for=f"importing {importer.title}")
    read = with_given(path, importer.read(path, given.inputs), given.inputs, given.outputs)
    signature, batch_sizes, batched = with_batch(read)
    pool = _pool(given, signature.inputs, batched=batched)
    with store.publish(name, importer.format, signature.precision) as folder:
        filename = importer.copy(path, folder)
        file = ModelFile(folder / filename, signature.inputs, signature.outputs, signature.precision, batch_sizes)
        trial = _tried(path, file, checker, pool, batched=batched)
        model = ImportedModel(
            name=name,
            format=importer.format,
            precision=signature.precision,
            file=path.resolve().name,
            sha256=sha256_of(file.path),
            inputs=signature.inputs,
            outputs=signature.outputs,
            batch_sizes=batch_sizes,
            items=len(next(iter(pool.values()))),
            notes=(*signature.notes, *_remarks(given, batch_sizes, batched=batched)),
            created=datetime.now(UTC).isoformat(timespec="milliseconds"),
        )
        manifest = _manifest(model, file, checker, trial, settings=signature.settings, versions=versions)
        write_manifest(folder, manifest)
        write_answers(folder, Answers(pool, trial.outputs, batched))
        # The items that what is exported of it is judged on, so that the two can be compared item by item.
        judged = held_out(model.items)
        scores = trial.outputs[model.outputs[0].name][judged]
        Evaluation.of({name: array[judged] for name, array in pool.items()}, scores, None).write(folder / EVALUATION)
    artifact = Artifact(store.root / name / importer.format / signature.precision, manifest)
    # Only now, so that a name is never taken by a model without its artifact.
    with publish(model, pool) as kept:
        if importer.format == "onnx":
            shutil.copyfile(artifact.path, kept / SOURCE)
    _remove_others(store.root / name, keep=artifact.folder)
    return artifact


def _pool(given: Given, inputs: tuple[TensorSpec, ...], *, batched: bool) -> Tensors:
    if given.pool is not None:
        return from_npz(given.pool, inputs, batched=batched)
    one = generate(inputs, 1, 0, batched=batched, length=_LENGTH)
    size = sum(array.nbytes for array in one.values())
    items = min(_MOST_ITEMS, max(_FEWEST_ITEMS, _MOST_BYTES // max(1, size)))
    return generate(inputs, items, 0, batched=batched, length=_LENGTH)


def _tried(path: Path, file: ModelFile, checker: Checker, pool: Tensors, *, batched: bool) -> Trial:
    try:
        return try_out(file, checker, pool, batched=batched)
    except TailbedError as error:
        # What is told of the copy is told of the user's file.
        reason = str(error).replace(str(file.path), str(path)).removeprefix(f"{path}: ")
        raise ModelImportError(f"{path}: {reason}") from error


def _remarks(given: Given, batch_sizes: tuple[int, ...] | None, *, batched: bool) -> tuple[str, ...]:
    remarks = [] if given.pool else [_GENERATED]
    if not batched:
        remarks.append("it has no axis of items: a request is one set of its tensors, and nothing is batched")
    elif batch_sizes:
        remarks.append("it computes one item at a time: larger batches are put together from those")
    return tuple(remarks)


def _manifest(
    model: ImportedModel,
    file: ModelFile,
    checker: Checker,
    trial: Trial,
    *,
    settings: Mapping[str, str],
    versions: Mapping[str, str],
) -> Manifest:
    return Manifest(
        model=model.name,
        export=model.format,
        format=model.format,
        precision=model.precision,
        file=file.path.name,
        inputs=model.inputs,
        outputs=model.outputs,
        batch_sizes=model.batch_sizes,
        framework=IMPORTED,
        settings={**settings, **({"notes": "; ".join(model.notes)} if model.notes else {})},
        versions=dict(versions),
        weights_sha256=model.sha256,
        weights_origin=f"{IMPORTED} {model.file}",
        runtime=checker.name,
        sha256=model.sha256,
        size_bytes=size_of(file.path),
        export_seconds=None,
        tolerance=TOLERANCES[model.precision],
        parity=None,
        accuracy=None,
        determinism=trial.repeated,
        answer_tolerance=answer_tolerance(model.precision, trial.outputs, trial.repeated),
        behaviours=(),
        fingerprint=hashlib.sha256(model.model_dump_json().encode()).hexdigest(),
        created=model.created,
    )


def _remove_others(folder: Path, *, keep: Path) -> None:
    """Remove what was made of another file of that name."""
    for manifest in folder.glob(f"*/*/{MANIFEST}"):
        if manifest.parent != keep:
            shutil.rmtree(manifest.parent, ignore_errors=True)
