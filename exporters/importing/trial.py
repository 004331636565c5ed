"""A user's model run on its inputs, before it is an artifact."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from exporters.artifact import Determinism
from exporters.checker import CheckedModel, Checker, Compute, ModelFile
from exporters.importer import ModelImportError
from exporters.verification import determinism
from models import TensorMismatch, Tensors, check_tensors
from models.inputs import one_item

_BATCH = 3
_OTHER_INPUTS = "give real ones with --inputs, or lengths of their axes with --input"


@dataclass(frozen=True)
class Trial:
    """What a model gave.

    Attributes:
        outputs: for each item alone, ``[items, ...]`` by name.
        repeated: whether it gives the same again.
    """

    outputs: Tensors
    repeated: Determinism


def try_out(file: ModelFile, checker: Checker, inputs: Tensors, *, batched: bool) -> Trial:
    """Load the file with its runtime and compute all of ``inputs``, each item alone, and some in a batch.

    Raises:
        ModelImportError: it cannot compute them, or what it gives is not what its outputs are said to be.
        TailbedError: the runtime cannot load it.
    """
    model = checker.load(file, Compute())

    def run(tensors: Tensors) -> Tensors:
        # Copies, because a model may compute in place, and may give the memory that it computes in.
        return {name: array.copy() for name, array in _computed(model, tensors).items()}

    each = [run(one_item(inputs, item, batched=batched)) for item in range(len(next(iter(inputs.values()))))]
    try:
        for found in each:
            check_tensors(file.outputs, found)
        if batched:
            _check_batch(file, run, inputs)
    except TensorMismatch as error:
        raise ModelImportError(f"what it gives is not what the file says: {error}") from error
    try:
        join = np.concatenate if batched else np.stack
        outputs = {spec.name: join([found[spec.name] for found in each]) for spec in file.outputs}
    except ValueError as error:
        raise ModelImportError("its outputs have another shape for another input: they cannot be compared") from error
    for name, array in outputs.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ModelImportError(f"its output {name!r} is not finite for all of the inputs: {_OTHER_INPUTS}")
    return Trial(outputs, determinism(run, inputs) if batched else _unbatched(run, inputs, each[0]))


def _computed(model: CheckedModel, tensors: Tensors) -> Tensors:
    try:
        return model.run({name: array.copy() for name, array in tensors.items()})
    # Libraries raise anything.
    except Exception as error:
        lines = list(filter(None, map(str.strip, str(error).splitlines())))
        # Some say first where it went wrong and last why, others the other way round.
        said = " ... ".join(dict.fromkeys([*lines[:1], *lines[-1:]]))
        raise ModelImportError(
            f"it cannot compute the inputs ({type(error).__name__}: {said}): {_OTHER_INPUTS}"
        ) from error


def _check_batch(file: ModelFile, run: Callable[[Tensors], Tensors], inputs: Tensors) -> None:
    """Check that outputs have as many items as inputs have, which the items' own outputs cannot show."""
    batch = {name: array[:_BATCH] for name, array in inputs.items()}
    items = len(next(iter(batch.values())))
    found = run(batch)
    check_tensors(file.outputs, found)
    for name, array in found.items():
        if array.shape[0] != items:
            raise ModelImportError(
                f"its output {name!r} has {array.shape[0]} items for {items} in the inputs: their first axis is no "
                "batch: give it a length with --input"
            )


def _unbatched(run: Callable[[Tensors], Tensors], inputs: Tensors, first: Tensors) -> Determinism:
    again = run(one_item(inputs, 0, batched=False))
    apart = {name: float(np.abs(again[name].astype(np.float64) - first[name]).max(initial=0)) for name in first}
    return Determinism(repeat_max_abs_diff=max(apart.values()), batch_max_abs_diff=0.0, by_output=apart)
