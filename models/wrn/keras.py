"""Wide residual networks in Keras."""

from __future__ import annotations

from typing import Any

from models.frameworks.keras import KerasSource, keras, layers
from models.frameworks.keras_layers import convolution, load, norm
from models.model import Model, Source
from models.weights import Weights
from models.wrn.architecture import ARCHITECTURES, CLASSES, STEM, Architecture, Block


def build(model: Model, weights: Weights) -> Source:
    """The network with these weights."""
    module = _network(model.name, ARCHITECTURES[model.name])
    load(module, weights.tensors)
    return KerasSource(module, outputs=model.outputs, weights=weights)


def _network(name: str, architecture: Architecture) -> Any:
    image = keras.Input((3, 32, 32), name="image")
    x = layers.Permute((2, 3, 1))(image)  # TensorFlow has no convolution with the channels first on a CPU
    x = convolution(x, "conv1", STEM, 3)
    for block in architecture.blocks():
        x = _block(x, block)
    x = layers.GlobalAveragePooling2D()(layers.ReLU()(norm(x, "bn1")))
    return keras.Model({"image": image}, {"scores": layers.Dense(CLASSES, name="fc")(x)}, name=name)


def _block(x: Any, plan: Block) -> Any:
    rectified = layers.ReLU()(norm(x, f"{plan.name}.bn1"))
    y = convolution(rectified, f"{plan.name}.conv1", plan.outputs, 3, stride=plan.stride)
    y = layers.ReLU()(norm(y, f"{plan.name}.bn2"))
    y = convolution(y, f"{plan.name}.conv2", plan.outputs, 3)
    if plan.projects:
        x = convolution(rectified, f"{plan.name}.shortcut", plan.outputs, 1, stride=plan.stride)
    return layers.add([y, x])
