"""The parameters, the same for every framework."""

from __future__ import annotations

from models.frameworks.layers import Shapes
from models.model import Model
from models.weights import Weights, model_weights
from models.wrn.architecture import ARCHITECTURES
from models.wrn.initialization import ORIGIN, initialize

RECIPE = (
    "models.frameworks.layers",
    "models.weights.random",
    "models.wrn.architecture",
    "models.wrn.initialization",
)
"""The modules that make the model's own weights."""


def load(model: Model) -> Weights:
    """The chosen ones, else random ones, which the first call makes. Names are like those of resnet."""
    return model_weights(model.name, RECIPE, lambda: initialize(ARCHITECTURES[model.name]), origin=ORIGIN)


def shapes(model: Model) -> Shapes:
    """Every tensor's shape."""
    return ARCHITECTURES[model.name].shapes()
