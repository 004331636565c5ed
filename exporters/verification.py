"""Whether an artifact computes what its source computes, and how well it does its task."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from exporters.artifact import BehaviourResult, Determinism, Parity
from models import Behaviour, TailbedError, TensorMismatch, Tensors, TensorSpec, check_tensors

TOLERANCES = {
    "fp32": 1e-4,
    "fp16": 1e-2,
    "bf16": 1e-1,
    "int8-dynamic": 2.5e-1,
    "int8-static": 2.5e-1,
    "int8-static-signed": 2.5e-1,
}
"""Largest difference from the source's outputs, by precision, as a share of their scale: the largest absolute value
that the source gives on the evaluation set, or 1 where that is less."""

_ANSWER_TOLERANCES = {"fp32": 1e-4, "fp16": 5e-3, "bf16": 5e-2}
_QUANTIZED_ANSWER_TOLERANCE = 5e-2

_BATCH = 32
_ALONE = 8


class ExportError(TailbedError):
    """An export that failed, or whose artifact does not compute what its source computes."""


def predict_in_batches(run: Callable[[Tensors], Tensors], inputs: Tensors, *, batch: int = _BATCH) -> Tensors:
    """Outputs of ``run`` for all items of ``inputs``, computed ``batch`` items at a time."""
    items = len(next(iter(inputs.values())))
    parts = [
        # Copies, because a model may compute in place.
        run({name: array[start : start + batch].copy() for name, array in inputs.items()})
        for start in range(0, items, batch)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def compare(outputs: tuple[TensorSpec, ...], found: Tensors, expected: Tensors, *, tolerance: float) -> Parity:
    """Compare an artifact's outputs with its source's, item by item.

    The first output holds the class scores, which label agreement is judged by.

    Raises:
        ExportError: an output is missing, has another dtype or shape, is not finite, or differs from the source's
            by more than ``tolerance`` times the source's largest absolute value, or times 1 where that is less.
    """
    try:
        check_tensors(outputs, found)
    except TensorMismatch as error:
        raise ExportError(str(error)) from error
    largest = scale = 0.0
    for name in (spec.name for spec in outputs):
        if found[name].shape != expected[name].shape:
            raise ExportError(
                f"output {name!r} has shape {list(found[name].shape)}, the source's {list(expected[name].shape)}"
            )
        with np.errstate(invalid="ignore"):  # infinity minus infinity is found by the next line
            difference = np.abs(found[name].astype(np.float64) - expected[name].astype(np.float64))
        if not np.isfinite(difference).all():
            raise ExportError(
                f"output {name!r} or the source's is not finite, first at {_first(~np.isfinite(difference))}"
            )
        bound = tolerance * max(1.0, float(np.abs(expected[name].astype(np.float64)).max()))
        if (difference > bound).any():
            raise ExportError(
                f"output {name!r} differs from the source's by {difference.max():.3g}, tolerance {bound:.3g}, "
                f"first at {_first(difference > bound)}"
            )
        largest, scale = max(largest, float(difference.max())), max(scale, bound / tolerance if tolerance else 1.0)
    scores = outputs[0].name
    return Parity(
        max_abs_diff=largest,
        scale=scale,
        label_agreement=float(np.mean(_labels(found[scores]) == _labels(expected[scores]))),
        items=len(found[scores]),
    )


def determinism(run: Callable[[Tensors], Tensors], inputs: Tensors) -> Determinism:
    """Compute the first items of ``inputs`` twice in a batch, and once each alone."""
    batch = {name: array[:_ALONE] for name, array in inputs.items()}
    first, second = (predict_in_batches(run, batch) for _ in range(2))
    alone = predict_in_batches(run, batch, batch=1)
    return Determinism(repeat_max_abs_diff=_apart(first, second), batch_max_abs_diff=_apart(first, alone))


def answer_tolerance(precision: str, answers: Tensors, repeated: Determinism) -> float:
    """Largest absolute difference that an artifact's answers in a server may have from its own, in-process ones.

    It is the same artifact on the same runtime, but in other batches and perhaps on more threads: sums are taken in
    another order, which moves a result by some of its precision's rounding steps. That is a share of the largest
    answer, or four times what a batch was seen to move where that is more.
    """
    share = _ANSWER_TOLERANCES.get(precision, _QUANTIZED_ANSWER_TOLERANCE)
    scale = max(float(np.abs(array).max()) for array in answers.values())
    return max(share * max(1.0, scale), 4 * repeated.batch_max_abs_diff)


def judge(run: Callable[[Tensors], Tensors], behaviours: tuple[Behaviour, ...]) -> tuple[BehaviourResult, ...]:
    """How many cases of each behavioural check the artifact passes."""
    results = []
    for behaviour in behaviours:
        passed = behaviour.judge(predict_in_batches(run, behaviour.inputs))
        results.append(
            BehaviourResult(name=behaviour.name, kind=behaviour.kind, passed=int(passed.sum()), cases=len(passed))
        )
    return tuple(results)


def accuracy(scores: np.ndarray, labels: np.ndarray) -> float:
    """Share of the items whose largest score is at the true label; scores ``[items, classes]``, labels ``[items]``."""
    return float(np.mean(_labels(scores) == labels))


def _apart(one: Tensors, other: Tensors) -> float:
    return max(float(np.abs(one[name].astype(np.float64) - other[name]).max()) for name in one)


def _labels(scores: np.ndarray) -> np.ndarray:
    return np.asarray(scores.argmax(axis=-1))


def _first(where: np.ndarray) -> str:
    return f"item {int(np.argwhere(where)[0][0])}"
