"""The parameters, the same for every framework."""

from __future__ import annotations

from collections.abc import Mapping

from models.bert.architecture import ARCHITECTURES
from models.bert.initialization import SEED, initialize
from models.model import Model
from models.weights import Weights, model_weights

RECIPE = ("models.bert.architecture", "models.bert.initialization")


def load(model: Model) -> Weights:
    """The chosen ones, or the model's own, which are random."""
    return model_weights(
        model.name, RECIPE, lambda: initialize(ARCHITECTURES[model.name]), origin=f"random, seed {SEED}"
    )


def shapes(model: Model) -> Mapping[str, tuple[int, ...]]:
    """The shape of every parameter by its name."""
    return ARCHITECTURES[model.name].shapes()
