"""Residual networks in Keras."""

from __future__ import annotations

from typing import Any

from models.frameworks.keras import KerasSource, keras, layers
from models.frameworks.keras_layers import convolution, load, norm
from models.model import Model, Source
from models.resnet.architecture import ARCHITECTURES, CLASSES, STEM, Architecture, Convolution
from models.weights import Weights


def build(model: Model, weights: Weights) -> Source:
    """The network with these weights."""
    module = _network(model.name, ARCHITECTURES[model.name])
    load(module, weights.tensors)
    return KerasSource(module, outputs=model.outputs, weights=weights)


def _network(name: str, architecture: Architecture) -> Any:
    image = keras.Input((3, 224, 224), name="image")
    x = layers.Permute((2, 3, 1))(image)  # TensorFlow has no convolution with the channels first on a CPU
    x = layers.ReLU()(_normed(x, STEM))
    # Padded with zeros, which after a rectifier are never larger than what is in the window.
    x = layers.MaxPooling2D(3, strides=2)(layers.ZeroPadding2D(1)(x))
    for block in architecture.blocks():
        shortcut = _normed(x, block.projection) if block.projection else x
        for plan in block.convolutions[:-1]:
            x = layers.ReLU()(_normed(x, plan))
        x = layers.ReLU()(layers.add([_normed(x, block.convolutions[-1]), shortcut]))
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model({"image": image}, {"scores": layers.Dense(CLASSES, name="fc")(x)}, name=name)


def _normed(x: Any, plan: Convolution) -> Any:
    return norm(convolution(x, plan.name, plan.outputs, plan.kernel, stride=plan.stride), plan.norm)
