"""Digits in JAX, as plain functions."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from models.jax import JAXModule, JAXSource
from models.model import Model, Source
from models.weights import Weights

_EPSILON = 1e-5
_LAYOUT = ("NHWC", "HWIO", "NHWC")


def build(model: Model, weights: Weights) -> Source:
    """The network with these weights."""
    parameters = {name: jnp.asarray(array) for name, array in weights.tensors.items()}
    return JAXSource(JAXModule(_apply, parameters), inputs=model.inputs, outputs=model.outputs, weights=weights)


def _apply(p: Any, image: jax.Array) -> tuple[jax.Array, ...]:
    x = jnp.transpose(image, (0, 2, 3, 1))
    x = jax.nn.relu(_norm(p, 1, _convolution(p, 0, x)))
    x = jax.nn.relu(_norm(p, 4, _convolution(p, 3, x)))
    x = lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
    x = jnp.transpose(x, (0, 3, 1, 2)).reshape(-1, 64 * 4 * 4)  # in the order that the dense layer was trained with
    x = jax.nn.relu(_dense(p, 9, x))
    return (_dense(p, 12, x),)


def _convolution(p: Any, index: int, x: jax.Array) -> jax.Array:
    kernel = jnp.transpose(p[f"{index}.weight"], (2, 3, 1, 0))
    return lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=_LAYOUT) + p[f"{index}.bias"]


def _norm(p: Any, index: int, x: jax.Array) -> jax.Array:
    scale = p[f"{index}.weight"] * lax.rsqrt(p[f"{index}.running_var"] + _EPSILON)
    return (x - p[f"{index}.running_mean"]) * scale + p[f"{index}.bias"]


def _dense(p: Any, index: int, x: jax.Array) -> jax.Array:
    return x @ p[f"{index}.weight"].T + p[f"{index}.bias"]
