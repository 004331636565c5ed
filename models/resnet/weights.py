"""The parameters, the same for every framework."""

from __future__ import annotations

from models.frameworks.layers import Shapes
from models.model import Model
from models.resnet.architecture import ARCHITECTURES
from models.resnet.initialization import ORIGIN, initialize
from models.weights import Weights, model_weights

RECIPE = (
    "models.frameworks.layers",
    "models.weights.random",
    "models.resnet.architecture",
    "models.resnet.initialization",
)
"""The modules that make the model's own weights."""


def load(model: Model) -> Weights:
    """The chosen ones, else random ones, which the first call makes. Names are torchvision's."""
    return model_weights(model.name, RECIPE, lambda: initialize(ARCHITECTURES[model.name]), origin=ORIGIN)


def shapes(model: Model) -> Shapes:
    """Every tensor's shape."""
    return ARCHITECTURES[model.name].shapes()
