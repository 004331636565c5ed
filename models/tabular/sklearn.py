"""The pipelines in scikit-learn."""

from __future__ import annotations

from typing import Any

from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from models.model import Model, Source
from models.tabular.classifier import ClassifierSource
from models.weights import Weights


def build(model: Model, weights: Weights) -> Source:
    """The pipeline of that name, fitted."""
    return ClassifierSource(model, _PIPELINES[model.name], weights)


def _gradient_boosting() -> Any:
    return HistGradientBoostingClassifier(max_iter=100, early_stopping=False, random_state=0)


def _svm() -> Any:
    # Platt's probabilities over one machine that is fitted on all rows: SVC's own are deprecated.
    return make_pipeline(StandardScaler(), CalibratedClassifierCV(SVC(), ensemble=False))


def _logistic() -> Any:
    return make_pipeline(StandardScaler(), LogisticRegression())


def _mlp() -> Any:
    return make_pipeline(
        StandardScaler(), MLPClassifier((64, 32), solver="lbfgs", alpha=0.1, max_iter=2000, random_state=0)
    )


_PIPELINES = {
    "tabular-gradient-boosting": _gradient_boosting,
    "tabular-svm": _svm,
    "tabular-logistic": _logistic,
    "tabular-mlp": _mlp,
}
