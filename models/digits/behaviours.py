"""What a reader of digits must do, whatever its precision.

The labels of the evaluation set take no part in it: prototypes are made from the part that was trained on, and what is
done to held-out images is judged by how the model itself reads them as they are.
"""

from __future__ import annotations

import numpy as np

from models.digits.data import load_split
from models.model import Behaviour
from models.tensor import Tensors

_INK = np.float32(0.5)


def behaviours() -> tuple[Behaviour, ...]:
    """One check of each kind."""
    train, held_out = load_split()
    prototypes = np.stack([train.images[train.labels == digit].mean(axis=0) for digit in range(10)])
    return (
        _reads_prototypes(prototypes),
        _reads_moved_digits_the_same(held_out.images),
        _is_less_sure_of_faint_digits(held_out.images),
    )


def _reads_prototypes(prototypes: np.ndarray) -> Behaviour:
    """The mean image of each class, in the order of the classes, is read as that class."""

    def judge(outputs: Tensors) -> np.ndarray:
        return np.asarray(_read(outputs) == np.arange(len(prototypes)))

    return Behaviour("reads the mean image of every digit", "minimum functionality", {"image": prototypes}, judge)


def _reads_moved_digits_the_same(images: np.ndarray) -> Behaviour:
    """An image whose first or last column is empty moves one pixel that way, which cuts off no ink.

    An image with both columns empty makes two cases. None has its first or last row empty.
    """
    left, right = (np.flatnonzero(~images[..., column].any(axis=(1, 2))) for column in (0, -1))
    # Rolled, the empty column comes back on the other side.
    moved = np.concatenate([np.roll(images[left], -1, axis=-1), np.roll(images[right], 1, axis=-1)])
    original = np.concatenate([left, right])

    def judge(outputs: Tensors) -> np.ndarray:
        read = _read(outputs)
        return np.asarray(read[len(images) :] == read[original])

    inputs = {"image": np.concatenate([images, moved])}
    return Behaviour("reads a digit moved by one pixel as the same", "invariance", inputs, judge)


def _is_less_sure_of_faint_digits(images: np.ndarray) -> Behaviour:
    """With half its ink a digit's score leads by less over the next one."""

    def judge(outputs: Tensors) -> np.ndarray:
        read = _read(outputs)[: len(images)]
        full, faint = np.split(outputs["scores"], 2)
        return np.asarray(_lead(faint, read) < _lead(full, read))

    inputs = {"image": np.concatenate([images, images * _INK])}
    return Behaviour("is less sure of a digit in half the ink", "directional", inputs, judge)


def _read(outputs: Tensors) -> np.ndarray:
    return np.asarray(outputs["scores"].argmax(axis=-1))


def _lead(scores: np.ndarray, label: np.ndarray) -> np.ndarray:
    """By how much the score of ``label`` is above the largest of the others; ``[items]``."""
    chosen = np.arange(scores.shape[-1]) == label[:, np.newaxis]
    return np.asarray(scores[chosen] - np.where(chosen, -np.inf, scores).max(axis=-1))
