"""The source of a model that is written in JAX, computed on the CPU."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from models.packages import package_versions
from models.tensor import Tensors, TensorSpec
from models.weights import Weights

# Before anything is computed: JAX would take a GPU if it found one, and say on the terminal if it could not.
jax.config.update("jax_platforms", "cpu")
# JAX sets it to 1 on import where the environment says nothing, and so for TensorFlow, which then tells of its insides.
if os.environ.get("TF_CPP_MIN_LOG_LEVEL") == "1":
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"


@dataclass(frozen=True)
class JAXModule:
    """A pure function and its parameters.

    Attributes:
        apply: called with the parameters and then the inputs by position, in the order of their specifications;
            returns a tuple of arrays in the order of the outputs' specifications.
        parameters: a pytree of arrays.
    """

    apply: Callable[..., tuple[jax.Array, ...]]
    parameters: Any


class JAXSource:
    """A ``JAXModule`` as a ``models.Source``."""

    framework = "jax"

    def __init__(
        self,
        module: JAXModule,
        *,
        inputs: tuple[TensorSpec, ...],
        outputs: tuple[TensorSpec, ...],
        weights: Weights,
    ) -> None:
        self.module = module
        self.weights = weights
        self.versions: Mapping[str, str] = package_versions("jax", "jaxlib", needed_for="a JAX model")
        self._inputs = [spec.name for spec in inputs]
        self._outputs = [spec.name for spec in outputs]
        self._compiled = jax.jit(module.apply)

    def predict(self, inputs: Tensors) -> dict[str, np.ndarray]:
        """Outputs by name for a batch of inputs; compiled once for each batch size."""
        outputs = self._compiled(self.module.parameters, *(inputs[name] for name in self._inputs))
        return {name: np.asarray(output) for name, output in zip(self._outputs, outputs, strict=True)}
