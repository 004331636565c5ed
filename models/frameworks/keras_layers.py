"""The layers of the convolutional models in Keras, channels last, named as in PyTorch."""

from __future__ import annotations

from typing import Any

from models.frameworks.keras import layers
from models.frameworks.layers import EPSILON
from models.tensor import Tensors


def convolution(x: Any, name: str, outputs: int, kernel: int, *, stride: int = 1) -> Any:
    """A convolution without bias that pads half of its kernel's width on every side, as PyTorch does.

    Keras' own padding of a strided convolution has one row and column more at the end than at the start.
    """
    if stride > 1 and kernel > 1:
        x = layers.ZeroPadding2D(kernel // 2)(x)
        return layers.Conv2D(outputs, kernel, stride, padding="valid", use_bias=False, name=name)(x)
    return layers.Conv2D(outputs, kernel, stride, padding="same", use_bias=False, name=name)(x)


def norm(x: Any, name: str) -> Any:
    """Batch normalization."""
    return layers.BatchNormalization(epsilon=EPSILON, name=name)(x)


def load(module: Any, tensors: Tensors) -> None:
    """Put the tensors into the layers that bear their names, in Keras' order and layout."""
    for layer in module.layers:
        if isinstance(layer, layers.Conv2D):
            layer.set_weights([tensors[f"{layer.name}.weight"].transpose(2, 3, 1, 0), *_bias(layer, tensors)])
        elif isinstance(layer, layers.Dense):
            layer.set_weights([tensors[f"{layer.name}.weight"].T, *_bias(layer, tensors)])
        elif isinstance(layer, layers.BatchNormalization):
            parts = ("weight", "bias", "running_mean", "running_var")
            layer.set_weights([tensors[f"{layer.name}.{part}"] for part in parts])


def _bias(layer: Any, tensors: Tensors) -> list[Any]:
    return [tensors[f"{layer.name}.bias"]] if layer.use_bias else []
