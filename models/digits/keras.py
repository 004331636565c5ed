"""Digits in Keras."""

from __future__ import annotations

from typing import Any

from models.frameworks.keras import KerasSource, keras, layers
from models.frameworks.keras_layers import load, norm
from models.model import Model, Source
from models.weights import Weights


def build(model: Model, weights: Weights) -> Source:
    """The network with these weights."""
    module = _network()
    load(module, weights.tensors)
    return KerasSource(module, outputs=model.outputs, weights=weights)


def _network() -> Any:
    image = keras.Input((1, 8, 8), name="image")
    x = layers.Permute((2, 3, 1))(image)  # TensorFlow has no convolution with the channels first on a CPU
    x = layers.ReLU()(norm(layers.Conv2D(32, 3, padding="same", name="0")(x), "1"))
    x = layers.ReLU()(norm(layers.Conv2D(64, 3, padding="same", name="3")(x), "4"))
    x = layers.MaxPooling2D(2)(x)
    x = layers.Flatten()(layers.Permute((3, 1, 2))(x))  # in the order that the dense layer was trained with
    x = layers.Dense(128, activation="relu", name="9")(x)
    return keras.Model({"image": image}, {"scores": layers.Dense(10, name="12")(x)}, name="digits")
