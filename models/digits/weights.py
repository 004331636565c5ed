"""The trained parameters, the same for every framework."""

from __future__ import annotations

from models.digits import data, network, training
from models.model import Model
from models.weights import Weights, cached_weights


def load(model: Model) -> Weights:
    """From the cache; the first call trains them, in PyTorch. Names are those of ``network.build()``."""
    return cached_weights(model.name, (data, network, training), training.train)
