"""Residual networks in JAX, as plain functions."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
from jax.nn import relu

from models.frameworks.jax import JAXModule, JAXSource
from models.frameworks.jax_layers import Parameters, convolution, dense, max_pool, norm, parameters
from models.model import Model, Source
from models.resnet.architecture import ARCHITECTURES, STEM, Architecture, Convolution
from models.weights import Weights


def build(model: Model, weights: Weights) -> Source:
    """The network with these weights."""
    module = JAXModule(partial(_apply, ARCHITECTURES[model.name]), parameters(weights.tensors))
    return JAXSource(module, inputs=model.inputs, outputs=model.outputs, weights=weights)


def _apply(architecture: Architecture, p: Parameters, image: jax.Array) -> tuple[jax.Array, ...]:
    x = jnp.transpose(image, (0, 2, 3, 1))
    x = max_pool(relu(_normed(p, STEM, x)), window=3, stride=2, padding=1)
    for block in architecture.blocks():
        shortcut = _normed(p, block.projection, x) if block.projection else x
        for plan in block.convolutions[:-1]:
            x = relu(_normed(p, plan, x))
        x = relu(_normed(p, block.convolutions[-1], x) + shortcut)
    return (dense(p, "fc", x.mean(axis=(1, 2))),)


def _normed(p: Parameters, plan: Convolution, x: jax.Array) -> jax.Array:
    return norm(p, plan.norm, convolution(p, plan.name, x, stride=plan.stride))
