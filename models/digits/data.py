"""Handwritten digits from scikit-learn (UCI Optical Recognition of Handwritten Digits), 1,797 images of 8 x 8."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.model import EvaluationSet
from models.packages import package_versions
from models.tensor import Tensors

HELD_OUT = 450
CALIBRATION = 256
_SPLIT_SEED = 0


@dataclass(frozen=True)
class Part:
    """A part of the data.

    Attributes:
        images: float32 ``[items, 1, 8, 8]``, ink from 0 to 1.
        labels: int64 ``[items]``, the digit.
    """

    images: np.ndarray
    labels: np.ndarray


def load_split() -> tuple[Part, Part]:
    """The part to train on and the part held out, always the same, with the same share of every digit in both.

    Raises:
        MissingPackage: scikit-learn is not installed.
    """
    package_versions("scikit-learn", needed_for="the data of digits")
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    digits = load_digits()
    images = (digits.images[:, np.newaxis] / 16).astype(np.float32)
    labels = digits.target.astype(np.int64)
    train, held_out = train_test_split(
        np.arange(len(labels)), test_size=HELD_OUT, stratify=labels, random_state=_SPLIT_SEED
    )
    return Part(images[train], labels[train]), Part(images[held_out], labels[held_out])


def evaluation() -> EvaluationSet:
    """The held-out part."""
    held_out = load_split()[1]
    return EvaluationSet({"image": held_out.images}, held_out.labels)


def calibration() -> Tensors:
    """The first images of the part to train on."""
    return {"image": load_split()[0].images[:CALIBRATION]}


def requests() -> Tensors:
    """The held-out images, every one different from the others."""
    return {"image": load_split()[1].images}
