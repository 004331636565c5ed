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
"""Largest difference from an output of the source's, by precision, as a share of its scale: the largest absolute value
that the source gives there on the evaluation set. A difference of 1e-4 is always allowed."""

_ALWAYS = 1e-4
_ANSWER_TOLERANCES = {"fp32": 1e-4, "fp16": 2e-3, "bf16": 1e-2}
_QUANTIZED_ANSWER_TOLERANCE = 1e-2
_LEAST_ANSWER_TOLERANCE = 1e-5

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
            by more than ``tolerance`` times the source's largest absolute value there, and by more than 1e-4.
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
        size = float(np.abs(expected[name].astype(np.float64)).max(initial=0))
        bound = max(tolerance * size, _ALWAYS)
        if (difference > bound).any():
            raise ExportError(
                f"output {name!r} differs from the source's by {difference.max():.3g}, tolerance {bound:.3g}, "
                f"first at {_first(difference > bound)}"
            )
        largest, scale = max(largest, float(difference.max(initial=0))), max(scale, size)
    scores = outputs[0].name
    return Parity(
        max_abs_diff=largest,
        scale=scale or 1.0,
        label_agreement=float(np.mean(_labels(found[scores]) == _labels(expected[scores]))),
        items=len(found[scores]),
    )


def determinism(run: Callable[[Tensors], Tensors], inputs: Tensors) -> Determinism:
    """Compute the first items of ``inputs`` twice in a batch, and once each alone."""
    batch = {name: array[:_ALONE] for name, array in inputs.items()}
    first, second = (predict_in_batches(run, batch) for _ in range(2))
    repeated, alone = _apart(first, second), _apart(first, predict_in_batches(run, batch, batch=1))
    return Determinism(
        repeat_max_abs_diff=max(repeated.values()),
        batch_max_abs_diff=max(alone.values()),
        by_output={name: max(repeated[name], alone[name]) for name in first},
    )


def answer_tolerance(precision: str, answers: Tensors, repeated: Determinism) -> dict[str, float]:
    """Largest absolute difference by output that an artifact's answers in a server may have from its in-process ones.

    It is the same artifact on the same runtime, but in other batches and perhaps on more threads: sums are taken in
    another order, which moves a result by some of its precision's rounding steps. That is a share of the output's
    largest answer, or four times what a batch or a repetition was seen to move where that is more, but never more than
    the precision may differ from its source. Whole numbers and truth values must be equal.
    """
    share = _ANSWER_TOLERANCES.get(precision, _QUANTIZED_ANSWER_TOLERANCE)
    found = {}
    for name, array in answers.items():
        if array.dtype.kind != "f":
            found[name] = 0.0
            continue
        scale = float(np.abs(array).max(initial=0))
        seen = min(4 * repeated.by_output.get(name, 0.0), TOLERANCES[precision] * scale)
        found[name] = max(share * scale, seen, _LEAST_ANSWER_TOLERANCE)
    return found


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


def _apart(one: Tensors, other: Tensors) -> dict[str, float]:
    """Largest absolute difference by output."""
    return {name: float(np.abs(one[name].astype(np.float64) - other[name]).max(initial=0)) for name in one}


def _labels(scores: np.ndarray) -> np.ndarray:
    return np.asarray(scores.argmax(axis=-1))


def _first(where: np.ndarray) -> str:
    return f"item {int(np.argwhere(where)[0][0])}"
