"""Wide residual networks in JAX, as plain functions."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
from jax.nn import relu

from models.frameworks.jax import JAXModule, JAXSource
from models.frameworks.jax_layers import Parameters, convolution, dense, norm, parameters
from models.model import Model, Source
from models.weights import Weights
from models.wrn.architecture import ARCHITECTURES, Architecture, Block


def build(model: Model, weights: Weights) -> Source:
    """The network with these weights."""
    module = JAXModule(partial(_apply, ARCHITECTURES[model.name]), parameters(weights.tensors))
    return JAXSource(module, inputs=model.inputs, outputs=model.outputs, weights=weights)


def _apply(architecture: Architecture, p: Parameters, image: jax.Array) -> tuple[jax.Array, ...]:
    x = convolution(p, "conv1", jnp.transpose(image, (0, 2, 3, 1)))
    for block in architecture.blocks():
        x = _block(p, block, x)
    return (dense(p, "fc", relu(norm(p, "bn1", x)).mean(axis=(1, 2))),)


def _block(p: Parameters, plan: Block, x: jax.Array) -> jax.Array:
    rectified = relu(norm(p, f"{plan.name}.bn1", x))
    y = convolution(p, f"{plan.name}.conv1", rectified, stride=plan.stride)
    y = convolution(p, f"{plan.name}.conv2", relu(norm(p, f"{plan.name}.bn2", y)))
    if plan.projects:
        x = convolution(p, f"{plan.name}.shortcut", rectified, stride=plan.stride)
    return x + y
