"""Breast cancer from scikit-learn (UCI Wisconsin Diagnostic), 569 rows of 30 measurements, malignant or benign.

Of the tables that come with scikit-learn it is the one that is most like a table of work: continuous measurements on
scales from 1e-3 to 4e3, where digits are sixteen levels of ink and wine has 178 rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.model import EvaluationSet
from models.packages import package_versions
from models.tensor import Tensors

FEATURES = 30
CLASSES = 2
HELD_OUT = 200
_SPLIT_SEED = 0


@dataclass(frozen=True)
class Part:
    """A part of the data.

    Attributes:
        features: float32 ``[rows, 30]``. Rounded before anything is fitted: a threshold between two doubles that are
            one float32 could not be kept by a request.
        labels: int64 ``[rows]``, 0 for malignant and 1 for benign.
    """

    features: np.ndarray
    labels: np.ndarray


def load_split() -> tuple[Part, Part]:
    """The part to train on and the part held out, always the same, with the same share of both classes in each.

    Raises:
        MissingPackage: scikit-learn is not installed.
    """
    package_versions("scikit-learn", needed_for="the data of the tabular models")
    from sklearn.datasets import load_breast_cancer
    from sklearn.model_selection import train_test_split

    table = load_breast_cancer()
    features, labels = table.data.astype(np.float32), table.target.astype(np.int64)
    train, held_out = train_test_split(
        np.arange(len(labels)), test_size=HELD_OUT, stratify=labels, random_state=_SPLIT_SEED
    )
    return Part(features[train], labels[train]), Part(features[held_out], labels[held_out])


def evaluation() -> EvaluationSet:
    """The held-out part."""
    held_out = load_split()[1]
    return EvaluationSet({"features": held_out.features}, held_out.labels)


def requests() -> Tensors:
    """The held-out rows, every one different from the others."""
    return {"features": load_split()[1].features}
