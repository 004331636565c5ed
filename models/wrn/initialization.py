"""Random weights with which the activations keep their scale and images get different scores."""

from __future__ import annotations

from models.tensor import Tensors
from models.weights.random import RECTIFIED_VARIANCE, RandomWeights
from models.wrn.architecture import CLASSES, STEM, Architecture

_SEED = 0
ORIGIN = f"random, seed {_SEED}"

_GAIN = 0.5
_IMAGE_VARIANCE = 1.5


def initialize(architecture: Architecture) -> Tensors:
    """Every tensor by name."""
    random = RandomWeights(_SEED)
    random.convolution("conv1", (STEM, 3, 3, 3), centred=False)
    variance = 2 * 3 / STEM * _IMAGE_VARIANCE
    for block in architecture.blocks():
        random.norm(f"{block.name}.bn1", block.inputs, variance=variance)
        random.convolution(f"{block.name}.conv1", (block.outputs, block.inputs, 3, 3))
        widened = 2 * block.inputs / block.outputs * RECTIFIED_VARIANCE
        random.norm(f"{block.name}.bn2", block.outputs, variance=widened, gain=_GAIN)
        random.convolution(f"{block.name}.conv2", (block.outputs, block.outputs, 3, 3))
        if block.projects:
            random.convolution(f"{block.name}.shortcut", (block.outputs, block.inputs, 1, 1))
        variance = (widened if block.projects else variance) + 2 * RECTIFIED_VARIANCE * (_GAIN * _GAIN)
    random.norm("bn1", architecture.features, variance=variance)
    random.dense("fc", (CLASSES, architecture.features))
    return random.tensors
