"""What a reference model is: its tensors, the data that it is judged and loaded with, and its sources."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol

import numpy as np

from models.packages import MissingPackage
from models.registry import UnknownName
from models.tensor import Tensors, TensorSpec
from models.weights import Weights

FRAMEWORKS = ("pytorch", "keras", "jax", "sklearn", "lightgbm", "xgboost", "onnx")
"""What a model can be written in. ``onnx`` is a file that a user brought."""


@dataclass(frozen=True)
class EvaluationSet:
    """Inputs that no training has seen, and their true labels where there are any.

    Attributes:
        inputs: arrays of shape ``[items, ...]`` by input name.
        labels: int64 ``[items]``, or None where the data is made up and only agreement can be judged.
    """

    inputs: Tensors
    labels: np.ndarray | None


@dataclass(frozen=True)
class Behaviour:
    """What a model of this kind must do on inputs made for the purpose (Ribeiro et al., "Beyond Accuracy", 2020).

    Attributes:
        name: what is asked of it, such as ``"reads a digit moved by one pixel as the same"``.
        kind: ``"minimum functionality"``, ``"invariance"`` or ``"directional"``.
        inputs: the cases, ``[items, ...]`` by input name.
        judge: from the outputs for all items, bool ``[cases]``: which cases were passed.
    """

    name: str
    kind: str
    inputs: Tensors
    judge: Callable[[Tensors], np.ndarray]


class Source(Protocol):
    """A model in its framework, weights loaded, ready to be exported."""

    framework: str
    versions: Mapping[str, str]
    """Versions of the packages that define what the source computes, by distribution name."""
    weights: Weights
    module: Any
    """The framework's own object: a ``torch.nn.Module`` in evaluation mode, a ``keras.Model``, a ``JAXModule``, ..."""

    def predict(self, inputs: Tensors) -> dict[str, np.ndarray]:
        """Outputs by name for a batch of inputs, as the framework itself computes them."""
        ...


@dataclass(frozen=True)
class Model:
    """A model to be served.

    Attributes:
        name: what users call it.
        summary: one line for listings.
        inputs: specifications of the inputs, batch first.
        outputs: specifications of the outputs, batch first; the first one holds the class scores.
        evaluation: loads the evaluation set, which nothing is trained or calibrated on.
        requests: loads the pool of distinct request inputs, ``[items, ...]`` by input name; one item is one
            request of batch size 1.
        frameworks: where the model is natively written; ``<package>/<framework>.py`` has ``build(model, weights)``.
        package: the package of the sources and the weights, such as ``models.digits``; ``<package>/weights.py`` has
            ``load(model)``.
        calibration: loads inputs that static quantization takes its ranges from, none of the evaluation set.
        behaviours: makes the behavioural checks that every artifact goes through.
        batch_sizes: the batch sizes that a source of fixed ones computes, and all that is made of it; None for any.
    """

    name: str
    summary: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    evaluation: Callable[[], EvaluationSet]
    requests: Callable[[], Tensors]
    frameworks: tuple[str, ...]
    package: str = ""
    calibration: Callable[[], Tensors] | None = None
    behaviours: Callable[[], tuple[Behaviour, ...]] = tuple
    batch_sizes: tuple[int, ...] | None = None

    def source(self, framework: str) -> Source:
        """The model in ``framework`` with its ``weights()``. Imports that framework.

        Raises:
            UnknownName: the model is not written in that framework.
            MissingPackage: the framework is not installed.
        """
        if framework not in self.frameworks:
            raise UnknownName(f"{self.name} is not written in {framework!r}: choose from {', '.join(self.frameworks)}")
        return self.build(framework, self.weights())

    def weights(self) -> Weights:
        """The weights: read from the cache, or made, which may import a framework and train.

        Raises:
            MissingPackage: what makes them is not installed.
        """
        try:
            weights: Weights = import_module(f"{self.package}.weights").load(self)
        except ModuleNotFoundError as error:
            raise MissingPackage(str(error.name), f"the weights of {self.name}") from error
        return weights

    def build(self, framework: str, weights: Weights) -> Source:
        """The model in ``framework`` with the given weights. Imports that framework.

        Raises:
            MissingPackage: the framework is not installed.
        """
        try:
            source: Source = import_module(f"{self.package}.{framework}").build(self, weights)
        except ModuleNotFoundError as error:
            raise MissingPackage(str(error.name), f"{self.name} in {framework}") from error
        return source
