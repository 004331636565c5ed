"""Digits in JAX, as plain functions."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax.nn import relu

from models.frameworks.jax import JAXModule, JAXSource
from models.frameworks.jax_layers import Parameters, convolution, dense, max_pool, norm, parameters
from models.model import Model, Source
from models.weights import Weights


def build(model: Model, weights: Weights) -> Source:
    """The network with these weights."""
    module = JAXModule(_apply, parameters(weights.tensors))
    return JAXSource(module, inputs=model.inputs, outputs=model.outputs, weights=weights)


def _apply(p: Parameters, image: jax.Array) -> tuple[jax.Array, ...]:
    x = jnp.transpose(image, (0, 2, 3, 1))
    x = relu(norm(p, "1", convolution(p, "0", x)))
    x = relu(norm(p, "4", convolution(p, "3", x)))
    x = max_pool(x, window=2, stride=2)
    x = jnp.transpose(x, (0, 3, 1, 2)).reshape(-1, 64 * 4 * 4)  # in the order that the dense layer was trained with
    x = relu(dense(p, "9", x))
    return (dense(p, "12", x),)
