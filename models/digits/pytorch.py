"""Digits in PyTorch."""

from __future__ import annotations

import torch

from models.digits import network
from models.frameworks.pytorch import PyTorchSource
from models.model import Model, Source
from models.weights import Weights


def build(model: Model, weights: Weights) -> Source:
    """The network with these weights."""
    module = network.build()
    module.load_state_dict({name: torch.tensor(array) for name, array in weights.tensors.items()})
    return PyTorchSource(module, inputs=model.inputs, outputs=model.outputs, weights=weights)
