"""Random weights: the same bytes on every machine, for only exact operations of IEEE 754 are computed."""

from __future__ import annotations

import math

import numpy as np

from models.bert.architecture import Architecture
from models.tensor import Tensors

SEED = 0

_GAINS = {
    "position_embeddings.": 0.25,
    "token_type_embeddings.": 0.25,
    ".query.": 1.5,
    ".key.": 1.5,
    ".value.": 3.0,
    "classifier.": 2.0,
}
_SPREAD = 0.1


def initialize(architecture: Architecture) -> Tensors:
    """Every tensor, uniformly drawn.

    The usual standard deviation of 0.02 is for the start of a training: scores would hardly depend on the input.
    Here a dense layer keeps the standard deviation of what goes in, unless a gain says otherwise: a head is to attend
    to some tokens more than to others and to pass on what it finds, and words are to count for more than where they
    stand, or all texts would look alike to the first token, which the scores are taken from. Each row's mean is taken
    out, for a GELU's outputs have a common one. Biases and normalizations differ from 0 and 1, so that one which a
    conversion loses or mixes up changes the scores.
    """
    generator = np.random.Generator(np.random.PCG64(SEED))
    return {name: _tensor(generator, name, shape) for name, shape in architecture.shapes().items()}


def _tensor(generator: np.random.Generator, name: str, shape: tuple[int, ...]) -> np.ndarray:
    # Multiples of 2 ** -24 from -0.5 to 0.5, of variance 1/12, which float64 adds up exactly in any order.
    drawn = generator.random(shape, dtype=np.float32).astype(np.float64) - 0.5
    if name.endswith("LayerNorm.weight"):
        drawn = 1 + drawn * (2 * _SPREAD)
    elif name.endswith(".bias"):
        drawn *= 2 * _SPREAD
    else:
        gain = next((gain for part, gain in _GAINS.items() if part in name), 1.0)
        drawn -= drawn.mean(axis=1, keepdims=True)
        drawn *= gain * math.sqrt(12 if "embeddings" in name else 12 / shape[1])
    return drawn.astype(np.float32)
