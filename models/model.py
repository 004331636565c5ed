"""What a reference model is: its tensors, the data that it is judged and loaded with, and its sources."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol

import numpy as np

from models.packages import MissingPackage
from models.registry import Registry, UnknownName
from models.tensor import Tensors, TensorSpec


@dataclass(frozen=True)
class EvaluationSet:
    """Inputs that no training has seen, and their true labels where there are any.

    Attributes:
        inputs: arrays of shape ``[items, ...]`` by input name.
        labels: int64 ``[items]``, or None where the data is made up and only agreement can be judged.
    """

    inputs: Tensors
    labels: np.ndarray | None


class Source(Protocol):
    """A model in its framework, weights loaded, ready to be exported."""

    framework: str
    versions: Mapping[str, str]
    """Versions of the packages that define what the source computes, by distribution name."""
    weights_sha256: str
    module: Any
    """The framework's own object, such as a ``torch.nn.Module`` in evaluation mode."""

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
        evaluation: loads the evaluation set.
        requests: loads the pool of distinct request inputs, ``[items, ...]`` by input name; one item is one
            request of batch size 1.
        frameworks: where the model is natively written; ``models/<name>/<framework>.py`` has ``load()``.
    """

    name: str
    summary: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    evaluation: Callable[[], EvaluationSet]
    requests: Callable[[], Tensors]
    frameworks: tuple[str, ...]

    def source(self, framework: str) -> Source:
        """The model in ``framework``, trained or read from the cache. Imports that framework.

        Raises:
            UnknownName: the model is not written in that framework.
            MissingPackage: the framework is not installed.
        """
        if framework not in self.frameworks:
            raise UnknownName(f"{self.name} is not written in {framework!r}: choose from {', '.join(self.frameworks)}")
        try:
            source: Source = import_module(f"models.{self.name}.{framework}").load()
        except ModuleNotFoundError as error:
            raise MissingPackage(str(error.name), f"{self.name} in {framework}") from error
        return source


MODELS: Registry[Model] = Registry("models", entry="model", attribute="MODEL")
"""Every ``models/<name>/model.py``."""
