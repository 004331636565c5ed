"""From a model to a published artifact: convert, check against the source, keep the answers."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from exporters.artifact import (
    Answers,
    Artifact,
    ArtifactError,
    Manifest,
    sha256_of,
    size_of,
    write_answers,
    write_manifest,
)
from exporters.checker import Checker, Compute, ModelFile
from exporters.evaluation import EVALUATION, Evaluation
from exporters.exporter import Exporter, exporter_for
from exporters.fingerprint import fingerprint
from exporters.store import DEFAULT_PRECISION, ArtifactStore
from exporters.verification import (
    TOLERANCES,
    ExportError,
    accuracy,
    answer_tolerance,
    compare,
    determinism,
    judge,
    predict_in_batches,
)
from models import MissingPackage, Model, Source, TailbedError, UnknownName, package_versions

_log = logging.getLogger(__name__)


def unchanged(
    model: Model, name: str, precision: str = DEFAULT_PRECISION, *, store: ArtifactStore, checker: Checker
) -> Artifact | None:
    """The artifact in ``store`` if it is intact and would come out the same again, else None.

    This imports no framework. It reads the whole file, and makes the model's data.

    Raises:
        UnknownName: there is no such format or precision.
        MissingPackage: a package that the export takes is not installed.
    """
    exporter = _exporter(model, name, precision)
    found = _intact(store, f"{model.name}/{name}/{precision}")
    if found is None:
        return None
    same = found.manifest.fingerprint == fingerprint(
        model, exporter, precision, checker, _versions(model, name, exporter, checker)
    )
    return found if same else None


def export(
    model: Model,
    name: str,
    precision: str = DEFAULT_PRECISION,
    *,
    store: ArtifactStore,
    checker: Checker,
    force: bool = False,
) -> Artifact:
    """Make the artifact ``model/name/precision`` and publish it in ``store``.

    It appears there only after its outputs on the evaluation set, in batches, and on the request pool, one item at a
    time, were found to be its source's within the precision's tolerance. A failed or interrupted export leaves the
    store as it was.

    An ``unchanged`` artifact is returned as it is unless ``force`` is set; its ``manifest.created`` is then earlier
    than the call.

    This imports the model's framework, the exporter's libraries and the checker's, and trains the model if its
    weights are not in the cache: a process of its own is the place for it.

    Args:
        model: what is exported.
        name: the exporter, as ``exporters_of(model)`` names it: a format, or a format and a framework.
        precision: one of those that the exporter writes.
        store: where the artifact goes.
        checker: the runtime that loads the format.
        force: export even what has not changed.

    Raises:
        UnknownName: there is no such format or precision.
        MissingPackage: a package that it takes is not installed.
        ExportError: the conversion failed, or the artifact does not compute what its source computes.
        PublishError: the store cannot be written.
    """
    exporter = _exporter(model, name, precision)
    ref = f"{model.name}/{name}/{precision}"
    _versions(model, name, exporter, checker)  # that all is installed, before anything is trained
    source = model.source(exporter.framework)
    try:
        with store.publish(model.name, name, precision) as folder:
            # Only now: the source has made the weights if there were none, and another process may have made the
            # artifact while this one waited for its turn.
            if not force and (existing := unchanged(model, name, precision, store=store, checker=checker)):
                raise _Made(existing)
            manifest = _make(model, name, precision, source, checker, folder)
    except _Made as made:
        _log.info("%s: nothing has changed since %s", ref, made.artifact.manifest.created)
        return made.artifact
    return Artifact(store.root / ref, manifest)


class _Made(Exception):
    """Leaves the store as it is."""

    def __init__(self, artifact: Artifact) -> None:
        self.artifact = artifact


def _make(model: Model, name: str, precision: str, source: Source, checker: Checker, folder: Path) -> Manifest:
    """Convert, check, and write the file, its answers and its manifest into ``folder``."""
    exporter, ref = _exporter(model, name, precision), f"{model.name}/{name}/{precision}"
    versions = _versions(model, name, exporter, checker)
    evaluation, pool = model.evaluation(), model.requests()
    batch_sizes = model.batch_sizes or exporter.batch_sizes
    path = folder / exporter.filename
    with _one_line(ref, "the conversion failed"):
        started = time.perf_counter()
        settings = exporter.write(model, source, precision, path)
        seconds = time.perf_counter() - started
    with _one_line(ref, f"{checker.name} cannot run it"):
        file = ModelFile(path, model.inputs, model.outputs, precision, batch_sizes)
        run = checker.load(file, Compute()).run
        # Activations quantized at run time have one range for a whole batch, and requests come one by one.
        alone = {"batch": 1} if precision == "int8-dynamic" else {}
        outputs = predict_in_batches(run, evaluation.inputs, **alone)
        # As they will be asked for: one by one. Kernels may sum in another order at another batch size.
        answers = predict_in_batches(run, pool, batch=1)
        repeated = determinism(run, pool)
    with _one_line(ref, f"it does not compute what {model.name} in {source.framework} does"):
        tolerance = TOLERANCES[precision]
        expected = predict_in_batches(source.predict, evaluation.inputs)
        parity = compare(model.outputs, outputs, expected, tolerance=tolerance)
        compare(model.outputs, answers, predict_in_batches(source.predict, pool), tolerance=tolerance)
    scores = outputs[model.outputs[0].name]
    manifest = Manifest(
        model=model.name,
        export=name,
        format=exporter.format,
        precision=precision,
        file=exporter.filename,
        inputs=model.inputs,
        outputs=model.outputs,
        batch_sizes=batch_sizes,
        framework=source.framework,
        settings=dict(settings),
        versions={**source.versions, **versions},
        weights_sha256=source.weights.sha256,
        weights_origin=source.weights.origin,
        runtime=checker.name,
        sha256=sha256_of(path),
        size_bytes=size_of(path),
        export_seconds=seconds,
        tolerance=tolerance,
        parity=parity,
        accuracy=None if evaluation.labels is None else accuracy(scores, evaluation.labels),
        determinism=repeated,
        answer_tolerance=answer_tolerance(precision, answers, repeated),
        behaviours=judge(run, model.behaviours()),
        fingerprint=fingerprint(model, exporter, precision, checker, versions),
        created=datetime.now(UTC).isoformat(timespec="milliseconds"),
    )
    write_manifest(folder, manifest)
    write_answers(folder, Answers(pool, answers))
    Evaluation.of(evaluation.inputs, scores, evaluation.labels).write(folder / EVALUATION)
    return manifest


def _exporter(model: Model, name: str, precision: str) -> Exporter:
    exporter = exporter_for(model, name)
    if precision in exporter.unsupported:
        raise ExportError(f"{model.name}/{name}/{precision} is not supported: {exporter.unsupported[precision]}")
    if precision not in exporter.precisions:
        raise UnknownName(f"unknown precision {precision!r} of {name}: choose from {', '.join(exporter.precisions)}")
    if precision.startswith("int8-static") and model.calibration is None:
        raise UnknownName(f"{model.name} has no calibration set, which {precision} needs")
    return exporter


def _versions(model: Model, name: str, exporter: Exporter, checker: Checker) -> dict[str, str]:
    return package_versions(*exporter.packages, *checker.packages, needed_for=f"the export of {model.name} to {name}")


def _intact(store: ArtifactStore, ref: str) -> Artifact | None:
    try:
        artifact = store.open(store.root / ref)
        artifact.answers()
        artifact.evaluation()
    except ArtifactError:
        return None
    return artifact


@contextmanager
def _one_line(ref: str, what: str) -> Iterator[None]:
    """Give what a framework raises, which can be of any type and length, as one line."""
    try:
        yield
    except (OSError, MissingPackage):
        raise  # the disk's matter, and the store's to tell; what is not installed is no failure of the conversion
    except Exception as error:
        first = next(iter(str(error).strip().splitlines()), "")
        reason = first if isinstance(error, TailbedError) else f"{type(error).__name__}: {first}"
        raise ExportError(f"{ref}: {what}: {reason}") from error
