"""The source of a model that is written in Keras, and Keras itself, imported without TensorFlow's messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from models.frameworks.tensorflow import tensorflow
from models.packages import package_versions
from models.tensor import Tensors, TensorSpec
from models.weights import Weights

tensorflow()

import keras  # noqa: E402  # it imports TensorFlow, whose messages are kept away above
from keras import layers, ops  # noqa: E402

__all__ = ["KerasSource", "keras", "layers", "ops"]


class KerasSource:
    """A ``keras.Model`` on TensorFlow as a ``models.Source``.

    The model is a functional one whose inputs are a dictionary by name, in the order of their specifications, and
    whose output is a dictionary by name too.
    """

    framework = "keras"

    def __init__(self, module: Any, *, outputs: tuple[TensorSpec, ...], weights: Weights) -> None:
        self.module = module
        self.weights = weights
        self.versions: Mapping[str, str] = package_versions("keras", "tensorflow-cpu", needed_for="a Keras model")
        self._outputs = [spec.name for spec in outputs]

    def predict(self, inputs: Tensors) -> dict[str, np.ndarray]:
        """Outputs by name for a batch of inputs."""
        outputs = self.module(dict(inputs), training=False)
        return {name: outputs[name].numpy() for name in self._outputs}
