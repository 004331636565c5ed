"""The layers of the convolutional models in JAX, channels last, on parameters with PyTorch's names."""

from __future__ import annotations

from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from models.frameworks.layers import EPSILON
from models.tensor import Tensors

Parameters = Mapping[str, jax.Array]

_LAYOUT = ("NHWC", "HWIO", "NHWC")


def parameters(tensors: Tensors) -> dict[str, jax.Array]:
    """The floating-point tensors; kernels are ``[height, width, inputs, outputs]`` or ``[inputs, outputs]``."""
    return {name: _laid_out(array) for name, array in tensors.items() if np.issubdtype(array.dtype, np.floating)}


def convolution(p: Parameters, name: str, x: jax.Array, *, stride: int = 1) -> jax.Array:
    """A convolution that pads half of its kernel's width on every side; adds the bias if there is one."""
    kernel = p[f"{name}.weight"]
    padding = [(size // 2, size // 2) for size in kernel.shape[:2]]
    x = lax.conv_general_dilated(x, kernel, (stride, stride), padding, dimension_numbers=_LAYOUT)
    bias = p.get(f"{name}.bias")
    return x if bias is None else x + bias


def norm(p: Parameters, name: str, x: jax.Array) -> jax.Array:
    """Batch normalization with the running statistics."""
    scale = p[f"{name}.weight"] * lax.rsqrt(p[f"{name}.running_var"] + EPSILON)
    return (x - p[f"{name}.running_mean"]) * scale + p[f"{name}.bias"]


def max_pool(x: jax.Array, *, window: int, stride: int, padding: int = 0) -> jax.Array:
    """The largest value in each window."""
    sides = ((0, 0), (padding, padding), (padding, padding), (0, 0))
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, window, window, 1), (1, stride, stride, 1), sides)


def dense(p: Parameters, name: str, x: jax.Array) -> jax.Array:
    """A dense layer."""
    return x @ p[f"{name}.weight"] + p[f"{name}.bias"]


def _laid_out(array: np.ndarray) -> jax.Array:
    if array.ndim == 4:
        array = array.transpose(2, 3, 1, 0)
    elif array.ndim == 2:
        array = array.T
    return jnp.asarray(array)
