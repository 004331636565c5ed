"""BERT in JAX, as plain functions."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from models.bert.architecture import ARCHITECTURES, EPSILON, MASKED, Architecture
from models.frameworks.jax import JAXModule, JAXSource
from models.model import Model, Source
from models.weights import Weights

_ERF_NUMERATOR = (
    -2.72614225801306e-10,
    2.77068142495902e-08,
    -2.10102402082508e-06,
    -5.69250639462346e-05,
    -7.34990630326855e-04,
    -2.95459980854025e-03,
    -1.60960333262415e-02,
)
_ERF_DENOMINATOR = (
    -1.45660718464996e-05,
    -2.13374055278905e-04,
    -1.68282697438203e-03,
    -7.37332916720468e-03,
    -1.42647390514189e-02,
)


def build(model: Model, weights: Weights) -> Source:
    """The network with these weights."""
    parameters = {name: jnp.asarray(array) for name, array in weights.tensors.items()}
    module = JAXModule(partial(_apply, ARCHITECTURES[model.name]), parameters)
    return JAXSource(module, inputs=model.inputs, outputs=model.outputs, weights=weights)


def _apply(a: Architecture, p: Any, input_ids: jax.Array, attention_mask: jax.Array) -> tuple[jax.Array, ...]:
    x = _embed(a, p, input_ids)
    mask = jnp.expand_dims(1 - attention_mask.astype(x.dtype), (1, 2)) * MASKED
    for index in range(a.layers):
        layer = f"bert.encoder.layer.{index}"
        y = _dense(p, f"{layer}.attention.output.dense", _attend(a, p, f"{layer}.attention.self", x, mask))
        x = _norm(p, f"{layer}.attention.output.LayerNorm", y + x)
        y = _gelu(_dense(p, f"{layer}.intermediate.dense", x))
        x = _norm(p, f"{layer}.output.LayerNorm", _dense(p, f"{layer}.output.dense", y) + x)
    # A row's first values are the first token's. Of x[:, 0], TensorFlow Lite leaves an axis of length 1 to the dense
    # layer, whose bias tf2onnx 1.17, which reads that file, then leaves out.
    first = x.reshape(-1, a.sequence * a.hidden)[:, : a.hidden]
    pooled = jnp.tanh(_dense(p, "bert.pooler.dense", first))
    return (_dense(p, "classifier", pooled),)


def _embed(a: Architecture, p: Any, input_ids: jax.Array) -> jax.Array:
    words, positions, types = (
        p[f"bert.embeddings.{kind}_embeddings.weight"] for kind in ("word", "position", "token_type")
    )
    # Every sequence has all positions and is of the first token type: rows of the tables, without a look-up.
    return _norm(p, "bert.embeddings.LayerNorm", words[input_ids] + (positions[: a.sequence] + types[0]))


def _attend(a: Architecture, p: Any, name: str, x: jax.Array, mask: jax.Array) -> jax.Array:
    query, key, value = (
        jnp.transpose(_dense(p, f"{name}.{part}", x).reshape(-1, a.sequence, a.heads, a.head), (0, 2, 1, 3))
        for part in ("query", "key", "value")
    )
    scores = query @ jnp.swapaxes(key, -1, -2) / math.sqrt(a.head) + mask
    return jnp.transpose(jax.nn.softmax(scores) @ value, (0, 2, 1, 3)).reshape(-1, a.sequence, a.hidden)


def _dense(p: Any, name: str, x: jax.Array) -> jax.Array:
    return x @ p[f"{name}.weight"].T + p[f"{name}.bias"]


def _norm(p: Any, name: str, x: jax.Array) -> jax.Array:
    x = x - x.mean(axis=-1, keepdims=True)
    return x * lax.rsqrt(jnp.square(x).mean(axis=-1, keepdims=True) + EPSILON) * p[f"{name}.weight"] + p[f"{name}.bias"]


def _gelu(x: jax.Array) -> jax.Array:
    """The exact one."""
    return 0.5 * x * (1 + _erf(x / math.sqrt(2)))


def _erf(x: jax.Array) -> jax.Array:
    """The error function to 3e-7, by Eigen's rational approximation, which XLA computes for ``lax.erf`` as well.

    Written out because JAX lowers ``lax.erf`` and ``lax.erfc`` to a composite operation of StableHLO that TensorFlow
    2.21 cannot read: neither a SavedModel nor a file of TensorFlow Lite could be made. Float16 lacks its coefficients.
    """
    wide = jnp.clip(x.astype(jnp.float32), -4, 4)
    square = jnp.square(wide)
    return (wide * _polynomial(_ERF_NUMERATOR, square) / _polynomial(_ERF_DENOMINATOR, square)).astype(x.dtype)


def _polynomial(coefficients: tuple[float, ...], x: jax.Array) -> jax.Array:
    value = jnp.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        value = value * x + coefficient
    return value
