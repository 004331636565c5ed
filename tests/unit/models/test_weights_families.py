"""What every family of models that takes weights of a user's must have."""

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

import pytest

from models import MODELS, Model
from models.weights import identity


def _taking() -> list[str]:
    models = {name: MODELS.get(name) for name in MODELS.names()}
    return [name for name, model in models.items() if model.package and find_spec(f"{model.package}.names")]


@pytest.fixture(params=_taking())
def model(request: pytest.FixtureRequest) -> Model:
    return MODELS.get(request.param)


def module(model: Model, name: str) -> ModuleType:
    return import_module(f"{model.package}.{name}")


def test_its_own_names_are_understood(model: Model) -> None:
    shapes = module(model, "weights").shapes(model)
    assert {name: module(model, "names").canonical(name) for name in shapes} == {name: name for name in shapes}


def test_its_recipe_is_found_and_its_identity_told(model: Model) -> None:
    assert all(find_spec(name) for name in module(model, "weights").RECIPE)
    assert isinstance(identity(model), str)


def test_its_repositories_are_of_its_models(model: Model) -> None:
    names = {name for name in MODELS.names() if MODELS.get(name).package == model.package}
    assert module(model, "names").HUB.keys() <= names
