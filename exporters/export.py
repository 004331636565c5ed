"""From a model to a published artifact: convert, check against the source, keep the answers."""

from __future__ import annotations

import hashlib
import inspect
import json
import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from exporters.artifact import Answers, Artifact, ArtifactError, Manifest, sha256_of, write_answers, write_manifest
from exporters.exporter import EXPORTERS, Exporter
from exporters.store import DEFAULT_PRECISION, ArtifactStore
from exporters.verification import TOLERANCES, ExportError, accuracy, compare, predict_in_batches
from models import EvaluationSet, Model, Source, TailbedError, Tensors, TensorSpec, UnknownName, package_versions

_log = logging.getLogger(__name__)


class CheckedModel(Protocol):
    """An artifact in memory."""

    def run(self, inputs: Tensors) -> Tensors:
        """Outputs by name for a batch."""
        ...


class Checker(Protocol):
    """What an artifact is checked with: the runtime that will serve it. ``servers.runtimes`` has them."""

    name: str
    packages: tuple[str, ...]

    def load(
        self, path: Path, *, inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], threads: int
    ) -> CheckedModel:
        """Load a model's file."""
        ...


def export(
    model: Model,
    format: str,
    precision: str = DEFAULT_PRECISION,
    *,
    store: ArtifactStore,
    checker: Checker,
    force: bool = False,
) -> Artifact:
    """Make the artifact ``model/format/precision`` and publish it in ``store``.

    It appears there only after its outputs on the evaluation set, in batches, and on the request pool, one item at a
    time, were found to be its source's within the precision's tolerance. A failed or interrupted export leaves the
    store as it was.

    An intact artifact that was made from the same weights, data, package versions and exporter is returned as it is,
    unless ``force`` is set; its ``manifest.created`` is then earlier than the call.

    This imports the model's framework, the exporter's libraries and the checker's, and trains the model if its
    weights are not in the cache: a process of its own is the place for it.

    Raises:
        UnknownName: there is no such format or precision.
        MissingPackage: a package that it takes is not installed.
        ExportError: the conversion failed, or the artifact does not compute what its source computes.
        PublishError: the store cannot be written.
    """
    exporter = EXPORTERS.get(format)
    if precision not in exporter.precisions:
        raise UnknownName(f"unknown precision {precision!r} of {format}: choose from {', '.join(exporter.precisions)}")
    ref = f"{model.name}/{format}/{precision}"
    versions = package_versions(*exporter.packages, *checker.packages, needed_for=f"the export of {ref}")
    source = model.source(exporter.framework)
    versions = {**source.versions, **versions}
    evaluation, pool = model.evaluation(), model.requests()
    fingerprint = _fingerprint(model, exporter, precision, checker, source, versions, evaluation, pool)
    if not force and (existing := _intact(store, ref)) and existing.manifest.fingerprint == fingerprint:
        _log.info("%s: nothing has changed since %s", ref, existing.manifest.created)
        return existing

    with store.publish(model.name, format, precision) as folder:
        path = folder / exporter.filename
        with _one_line(ref, "the conversion failed"):
            started = time.perf_counter()
            exporter.write(model, source, precision, path)
            seconds = time.perf_counter() - started
        with _one_line(ref, f"{checker.name} cannot run it"):
            loaded = checker.load(path, inputs=model.inputs, outputs=model.outputs, threads=1)
            outputs = predict_in_batches(loaded.run, evaluation.inputs)
            # As they will be asked for: one by one. Kernels may sum in another order at another batch size.
            answers = predict_in_batches(loaded.run, pool, batch=1)
        with _one_line(ref, f"it does not compute what {model.name} in {source.framework} does"):
            tolerance = TOLERANCES[precision]
            expected = predict_in_batches(source.predict, evaluation.inputs)
            parity = compare(model.outputs, outputs, expected, tolerance=tolerance)
            compare(model.outputs, answers, predict_in_batches(source.predict, pool), tolerance=tolerance)
        scores = outputs[model.outputs[0].name]
        manifest = Manifest(
            model=model.name,
            format=format,
            precision=precision,
            file=exporter.filename,
            inputs=model.inputs,
            outputs=model.outputs,
            framework=source.framework,
            versions=versions,
            weights_sha256=source.weights_sha256,
            runtime=checker.name,
            sha256=sha256_of(path),
            size_bytes=path.stat().st_size,
            export_seconds=seconds,
            tolerance=tolerance,
            parity=parity,
            accuracy=None if evaluation.labels is None else accuracy(scores, evaluation.labels),
            fingerprint=fingerprint,
            created=datetime.now(UTC).isoformat(timespec="milliseconds"),
        )
        write_manifest(folder, manifest)
        write_answers(folder, Answers(pool, answers))
    return Artifact(store.root / ref, manifest)


def _intact(store: ArtifactStore, ref: str) -> Artifact | None:
    try:
        artifact = store.open(store.root / ref)
        artifact.answers()
    except ArtifactError:
        return None
    return artifact


def _fingerprint(
    model: Model,
    exporter: Exporter,
    precision: str,
    checker: Checker,
    source: Source,
    versions: Mapping[str, str],
    evaluation: EvaluationSet,
    pool: Tensors,
) -> str:
    facts = {
        "model": [model.name, *map(asdict, model.inputs), *map(asdict, model.outputs)],
        "weights": source.weights_sha256,
        "versions": dict(versions),
        # Its text, because an option that it sets has no version.
        "exporter": inspect.getsource(inspect.getmodule(type(exporter)) or type(exporter)),
        "precision": [precision, TOLERANCES[precision]],
        "checker": checker.name,
    }
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    labels = {} if evaluation.labels is None else {"labels": evaluation.labels}
    for tensors in (evaluation.inputs, labels, pool):
        for name, array in sorted(tensors.items()):
            digest.update(f"{name} {array.dtype} {array.shape}".encode())
            digest.update(array.tobytes())
    return digest.hexdigest()


@contextmanager
def _one_line(ref: str, what: str) -> Iterator[None]:
    """Give what a framework raises, which can be of any type and length, as one line."""
    try:
        yield
    except OSError:
        raise  # the disk's matter, and the store's to tell
    except Exception as error:
        first = next(iter(str(error).strip().splitlines()), "")
        reason = first if isinstance(error, TailbedError) else f"{type(error).__name__}: {first}"
        raise ExportError(f"{ref}: {what}: {reason}") from error
