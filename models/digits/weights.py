"""The trained parameters, the same for every framework."""

from __future__ import annotations

from collections.abc import Mapping

from models.model import Model
from models.tensor import Tensors
from models.weights import Weights, model_weights

RECIPE = ("models.digits.data", "models.digits.network", "models.digits.training")


def load(model: Model) -> Weights:
    """The chosen ones, or the model's own; the first call trains them, in PyTorch."""
    return model_weights(model.name, RECIPE, _train)


def shapes(_model: Model) -> Mapping[str, tuple[int, ...]]:
    """The shape of every parameter by its name, which is that of ``network.build()``."""
    convolutions = {0: (32, 1, 3, 3), 3: (64, 32, 3, 3)}
    dense = {9: (128, 64 * 4 * 4), 12: (10, 128)}
    norms = {1: 32, 4: 64}
    return {
        **{f"{index}.weight": shape for index, shape in (convolutions | dense).items()},
        **{f"{index}.bias": shape[:1] for index, shape in (convolutions | dense).items()},
        **{
            f"{index}.{part}": (channels,)
            for index, channels in norms.items()
            for part in ("weight", "bias", "running_mean", "running_var")
        },
    }


def _train() -> Tensors:
    from models.digits.training import train

    return train()
