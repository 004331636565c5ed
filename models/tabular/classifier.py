"""A fitted classifier with scikit-learn's face, which LightGBM and XGBoost have too."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # it has no types

from models.model import Model
from models.packages import package_versions
from models.tabular.data import load_split
from models.tabular.distributions import distributions
from models.tensor import Tensors
from models.weights import Weights


class ClassifierSource:
    """A classifier as a ``models.Source``: one input of rows, one output of the classes' probabilities, float32."""

    def __init__(self, model: Model, make: Callable[[], Any], weights: Weights) -> None:
        """Fit what ``make`` gives, a classifier with a fixed seed, on the part to train on; once a process."""
        self.framework = model.frameworks[0]
        self.versions: Mapping[str, str] = package_versions(
            *distributions(self.framework), needed_for=f"{model.name} in {self.framework}"
        )
        self.weights = weights
        self.module = _fitted(make)
        self._input, self._output = model.inputs[0].name, model.outputs[0].name

    def predict(self, inputs: Tensors) -> dict[str, np.ndarray]:
        """Outputs by name for a batch of inputs."""
        return {self._output: self.module.predict_proba(inputs[self._input]).astype(np.float32)}


@cache
def _fitted(make: Callable[[], Any]) -> Any:
    train = load_split()[0]
    with threadpool_limits(1):  # the order of a sum over several threads is not fixed
        return make().fit(train.features, train.labels)
