"""What stands for the weights: a fitted classifier has no tensors that another framework could take."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from models.model import Model
from models.packages import package_versions
from models.tabular.data import load_split
from models.tabular.distributions import distributions
from models.weights import Weights

RECIPE: tuple[str, ...] = ()
"""No file is kept, and so none is named after a recipe."""


def load(model: Model) -> Weights:
    """No tensors, and the checksum of all that decides what fitting gives.

    That is the recipe's text, the rows and labels to train on, and the versions of the libraries. Nothing is kept:
    fitting takes less than a second.

    Raises:
        MissingPackage: the model's library is not installed.
    """
    framework = model.frameworks[0]
    versions = package_versions(*distributions(framework), needed_for=f"{model.name} in {framework}")
    digest = sha256(model.name.encode())
    for name in ("data", "classifier", framework):
        digest.update(Path(__file__).with_name(f"{name}.py").read_bytes())
    train = load_split()[0]
    digest.update(train.features.tobytes() + train.labels.tobytes())
    digest.update(repr(sorted(versions.items())).encode())
    return Weights(tensors={}, sha256=digest.hexdigest(), origin="trained")
