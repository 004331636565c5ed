"""Names and shapes of a layer's tensors: PyTorch's, which every framework loads."""

from __future__ import annotations

Shapes = dict[str, tuple[int, ...]]
"""Shapes by the tensor's name."""

EPSILON = 1e-5
"""What batch normalization adds to the variance in PyTorch; Keras' own is 1e-3."""


def convolution_shapes(name: str, inputs: int, outputs: int, kernel: int) -> Shapes:
    """A convolution without bias, ``[outputs, inputs, height, width]``."""
    return {f"{name}.weight": (outputs, inputs, kernel, kernel)}


def norm_shapes(name: str, channels: int) -> Shapes:
    """A batch normalization."""
    return {f"{name}.{part}": (channels,) for part in ("weight", "bias", "running_mean", "running_var")}


def dense_shapes(name: str, inputs: int, outputs: int) -> Shapes:
    """A dense layer, ``[outputs, inputs]``."""
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}
