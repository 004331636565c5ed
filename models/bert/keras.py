"""BERT in Keras."""

from __future__ import annotations

import math
from typing import Any

from models.bert.architecture import (
    ARCHITECTURES,
    CLASSES,
    EPSILON,
    MASKED,
    POSITIONS,
    TOKEN_TYPES,
    VOCABULARY,
    Architecture,
)
from models.frameworks.keras import KerasSource, keras, layers, ops
from models.model import Model, Source
from models.tensor import Tensors
from models.weights import Weights


def build(model: Model, weights: Weights) -> Source:
    """The network with these weights."""
    module = _network(model.name, ARCHITECTURES[model.name])
    for layer in module.layers:
        if layer.weights:
            layer.set_weights(_arrays(layer, weights.tensors))
    return KerasSource(module, outputs=model.outputs, weights=weights)


class _Positions(layers.Layer):  # type: ignore[misc]
    """Adds the rows of the tables of positions and of the first token type, which every sequence has."""

    def build(self, shape: tuple[int | None, ...]) -> None:
        self.positions = self.add_weight(name="positions", shape=(POSITIONS, shape[-1]))
        self.types = self.add_weight(name="types", shape=(TOKEN_TYPES, shape[-1]))

    def call(self, x: Any) -> Any:
        return x + (self.positions[: x.shape[1]] + self.types[0])


def _network(name: str, a: Architecture) -> Any:
    ids = keras.Input((a.sequence,), dtype="int32", name="input_ids")
    attention_mask = keras.Input((a.sequence,), dtype="int32", name="attention_mask")
    x = layers.Embedding(VOCABULARY, a.hidden, name="bert.embeddings.word_embeddings")(ids)
    x = _norm("bert.embeddings.LayerNorm", _Positions(name="bert.embeddings")(x))
    # Not [:, None, None, :], which the conversion to TensorFlow Lite cannot take.
    mask = ops.expand_dims(1 - ops.cast(attention_mask, "float32"), (1, 2)) * MASKED
    for index in range(a.layers):
        layer = f"bert.encoder.layer.{index}"
        y = _dense(f"{layer}.attention.output.dense", a.hidden, _attend(a, f"{layer}.attention.self", x, mask))
        x = _norm(f"{layer}.attention.output.LayerNorm", y + x)
        y = _gelu(_dense(f"{layer}.intermediate.dense", a.intermediate, x))
        x = _norm(f"{layer}.output.LayerNorm", _dense(f"{layer}.output.dense", a.hidden, y) + x)
    pooled = ops.tanh(_dense("bert.pooler.dense", a.hidden, x[:, 0]))
    scores = _dense("classifier", CLASSES, pooled)
    return keras.Model({"input_ids": ids, "attention_mask": attention_mask}, {"scores": scores}, name=name)


def _attend(a: Architecture, name: str, x: Any, mask: Any) -> Any:
    split, joined = (-1, a.sequence, a.heads, a.head), (-1, a.sequence, a.hidden)
    query, key, value = (
        ops.transpose(ops.reshape(_dense(f"{name}.{part}", a.hidden, x), split), (0, 2, 1, 3))
        for part in ("query", "key", "value")
    )
    scores = ops.matmul(query, ops.transpose(key, (0, 1, 3, 2))) / math.sqrt(a.head) + mask
    return ops.reshape(ops.transpose(ops.matmul(ops.softmax(scores), value), (0, 2, 1, 3)), joined)


def _dense(name: str, units: int, x: Any) -> Any:
    return layers.Dense(units, name=name)(x)


def _norm(name: str, x: Any) -> Any:
    return layers.LayerNormalization(epsilon=EPSILON, name=name)(x)


def _gelu(x: Any) -> Any:
    """The exact one with erf: Keras' own is written with erfc, which tf2onnx cannot convert."""
    return 0.5 * x * (1 + ops.erf(x / math.sqrt(2)))


def _arrays(layer: Any, tensors: Tensors) -> list[Any]:
    """A layer's arrays, in Keras' order and layout."""
    if isinstance(layer, _Positions):
        return [tensors[f"{layer.name}.{kind}_embeddings.weight"] for kind in ("position", "token_type")]
    if isinstance(layer, layers.Embedding):
        return [tensors[f"{layer.name}.weight"]]
    weight = tensors[f"{layer.name}.weight"]
    return [weight.T if isinstance(layer, layers.Dense) else weight, tensors[f"{layer.name}.bias"]]
