"""Whether an artifact computes what its source computes, and how well it does its task."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from exporters.artifact import Parity
from models import TailbedError, TensorMismatch, Tensors, TensorSpec, check_tensors

TOLERANCES = {"fp32": 1e-4}
"""Largest absolute difference from the source's outputs, by precision."""

_BATCH = 32


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
            by more than ``tolerance``.
    """
    try:
        check_tensors(outputs, found)
    except TensorMismatch as error:
        raise ExportError(str(error)) from error
    largest = 0.0
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
        if (difference > tolerance).any():
            raise ExportError(
                f"output {name!r} differs from the source's by {difference.max():.3g}, tolerance {tolerance:g}, "
                f"first at {_first(difference > tolerance)}"
            )
        largest = max(largest, float(difference.max()))
    scores = outputs[0].name
    return Parity(
        max_abs_diff=largest,
        label_agreement=float(np.mean(_labels(found[scores]) == _labels(expected[scores]))),
        items=len(found[scores]),
    )


def accuracy(scores: np.ndarray, labels: np.ndarray) -> float:
    """Share of the items whose largest score is at the true label; scores ``[items, classes]``, labels ``[items]``."""
    return float(np.mean(_labels(scores) == labels))


def _labels(scores: np.ndarray) -> np.ndarray:
    return np.asarray(scores.argmax(axis=-1))


def _first(where: np.ndarray) -> str:
    return f"item {int(np.argwhere(where)[0][0])}"
