"""A family of models of a few numbers, for tests of what is done with weights."""

import sys
from pathlib import Path

import numpy as np
import pytest

from models import EvaluationSet, Model, TensorSpec

OWN = {"dense.weight": np.full((2, 3), 0.5, np.float32), "dense.bias": np.zeros(2, np.float32)}

_FILES = {
    "__init__.py": "",
    "recipe.py": "import no_such_framework\n",
    "weights.py": """
import numpy as np
from models.weights import model_weights

RECIPE = ("toy_family.recipe",)


def load(model):
    make = lambda: {"dense.weight": np.full((2, 3), 0.5, np.float32), "dense.bias": np.zeros(2, np.float32)}
    return model_weights(model.name, RECIPE, make, origin="random, seed 0")


def shapes(model):
    return {"dense.weight": (2, 3), "dense.bias": (2,)}
""",
    "names.py": """
HUB = {"toy": "someone/toy model"}


def canonical(name):
    return None if name.endswith(".steps") else name.removeprefix("old.")
""",
}


def toy_model(folder: Path, monkeypatch: pytest.MonkeyPatch, *, without: tuple[str, ...] = ()) -> Model:
    """The model ``toy`` of a family under ``folder``, and a home of its own."""
    package = folder / "packages" / "toy_family"
    package.mkdir(parents=True)
    for name, text in _FILES.items():
        if name not in without:
            (package / name).write_text(text)
    monkeypatch.syspath_prepend(str(package.parent))
    for module in [name for name in sys.modules if name.partition(".")[0] == "toy_family"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setenv("TAILBED_HOME", str(folder / "home"))
    data = {"x": np.zeros((2, 3), np.float32)}
    return Model(
        name="toy",
        summary="a dense layer",
        inputs=(TensorSpec("x", "float32", ("batch", 3)),),
        outputs=(TensorSpec("scores", "float32", ("batch", 2)),),
        evaluation=lambda: EvaluationSet(data, None),
        requests=lambda: data,
        frameworks=("pytorch",),
        package="toy_family",
    )
