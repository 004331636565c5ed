"""Gradient boosting in LightGBM."""

from __future__ import annotations

from typing import Any

from lightgbm import LGBMClassifier

from models.model import Model, Source
from models.tabular.classifier import ClassifierSource
from models.weights import Weights


def build(model: Model, weights: Weights) -> Source:
    """The classifier, fitted."""
    return ClassifierSource(model, _trees, weights)


def _trees() -> Any:
    return LGBMClassifier(
        n_estimators=100, random_state=0, n_jobs=1, deterministic=True, force_row_wise=True, verbose=-1
    )
