"""Random weights with which the activations keep their scale and images get different scores."""

from __future__ import annotations

from models.resnet.architecture import CLASSES, STEM, Architecture, Convolution
from models.tensor import Tensors
from models.weights.random import RECTIFIED_VARIANCE, RandomWeights

_SEED = 0
ORIGIN = f"random, seed {_SEED}"

_GAIN = 0.35
"""Of the last normalization in a block: small, so that the shortcut carries the image through the whole network."""
_IMAGE_VARIANCE = 1.5
_POOLED_VARIANCE = 0.55


def initialize(architecture: Architecture) -> Tensors:
    """Every tensor by name."""
    random = RandomWeights(_SEED)
    _add(random, STEM, _IMAGE_VARIANCE, centred=False)
    variance = _POOLED_VARIANCE
    for block in architecture.blocks():
        before = variance
        if block.projection:
            _add(random, block.projection, before)
        for plan in block.convolutions:
            _add(random, plan, variance, gain=_GAIN if plan is block.convolutions[-1] else 1.0)
            variance = RECTIFIED_VARIANCE
        variance = (RECTIFIED_VARIANCE if block.projection else before) + RECTIFIED_VARIANCE * (_GAIN * _GAIN)
    random.dense("fc", (CLASSES, architecture.features))
    return random.tensors


def _add(random: RandomWeights, plan: Convolution, variance: float, *, gain: float = 1.0, centred: bool = True) -> None:
    random.convolution(plan.name, (plan.outputs, plan.inputs, plan.kernel, plan.kernel), centred=centred)
    random.norm(plan.norm, plan.outputs, variance=2 * plan.inputs / plan.outputs * variance, gain=gain)
