"""Digits in PyTorch."""

from __future__ import annotations

import torch

from models.digits import data, network, training
from models.digits.model import MODEL
from models.model import Source
from models.pytorch import PyTorchSource
from models.weights import cached_weights


def load() -> Source:
    """The trained network; the first call trains it."""
    weights = cached_weights(MODEL.name, (data, network, training), training.train)
    module = network.build()
    module.load_state_dict({name: torch.tensor(array) for name, array in weights.tensors.items()})
    return PyTorchSource(module, inputs=MODEL.inputs, outputs=MODEL.outputs, weights_sha256=weights.sha256)
