"""Digits in Keras."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from models.keras import KerasSource
from models.model import Model, Source
from models.tensor import Tensors
from models.weights import Weights

_EPSILON = 1e-5
"""PyTorch's of a batch normalization; Keras' own is 1e-3."""


def build(model: Model, weights: Weights) -> Source:
    """The network with these weights."""
    module = _network()
    for name, arrays in _arrays(weights.tensors).items():
        module.get_layer(name).set_weights(arrays)
    return KerasSource(module, outputs=model.outputs, weights=weights)


def _network() -> Any:
    image = keras.Input((1, 8, 8), name="image")
    x = layers.Permute((2, 3, 1))(image)  # TensorFlow has no convolution with the channels first on a CPU
    x = layers.Conv2D(32, 3, padding="same", name="conv1")(x)
    x = layers.BatchNormalization(epsilon=_EPSILON, name="norm1")(x)
    x = layers.ReLU()(x)
    x = layers.Conv2D(64, 3, padding="same", name="conv2")(x)
    x = layers.BatchNormalization(epsilon=_EPSILON, name="norm2")(x)
    x = layers.ReLU()(x)
    x = layers.MaxPooling2D(2)(x)
    x = layers.Flatten()(layers.Permute((3, 1, 2))(x))  # in the order that the dense layer was trained with
    x = layers.Dense(128, activation="relu", name="dense1")(x)
    return keras.Model({"image": image}, {"scores": layers.Dense(10, name="dense2")(x)}, name="digits")


def _arrays(tensors: Tensors) -> dict[str, list[Any]]:
    """Every layer's arrays, in Keras' order and layout."""
    norms = {
        name: [tensors[f"{index}.{part}"] for part in ("weight", "bias", "running_mean", "running_var")]
        for name, index in (("norm1", 1), ("norm2", 4))
    }
    convolutions = {
        name: [tensors[f"{index}.weight"].transpose(2, 3, 1, 0), tensors[f"{index}.bias"]]
        for name, index in (("conv1", 0), ("conv2", 3))
    }
    dense = {
        name: [tensors[f"{index}.weight"].T, tensors[f"{index}.bias"]]
        for name, index in (("dense1", 9), ("dense2", 12))
    }
    return {**norms, **convolutions, **dense}
