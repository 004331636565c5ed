"""Which weights a model has: the user's choice."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from models.home import home
from models.model import Model
from models.weights.checkpoint import read_checkpoint
from models.weights.hub import FILE, download
from models.weights.weights import Weights, WeightsError, forget_chosen, keep_chosen

DEFAULT, HUB = "default", "hub"


def choose_weights(
    model: Model, chosen: str, progress: Callable[[int, int | None], None] = lambda _written, _total: None
) -> Weights | None:
    """Give ``model`` other weights, which are its own from now on, in every framework.

    They are kept under ``home()/weights/<model>/chosen/`` with the model's own names, as float32. Weights that do not
    fit change nothing.

    Args:
        model: the model.
        chosen: the path of a safetensors file; ``hub`` for the model's repository on the Hugging Face hub; or
            ``default`` to go back to the model's own.
        progress: told the bytes downloaded so far, and all that are to come where the hub says so.

    Returns:
        What was chosen; None for ``default``.

    Raises:
        WeightsError: the model takes no weights of a user's, or not these; or they cannot be had.
        PublishError: the cache folder cannot be written.
        MissingPackage: safetensors is not installed.
    """
    if chosen == DEFAULT:
        forget_chosen(model.name)
        return None
    if not model.package or find_spec(f"{model.package}.names") is None:
        raise WeightsError(f"{model.name} takes no other weights: bring a model of yours with 'tailbed import'")
    names = import_module(f"{model.package}.names")
    shapes = import_module(f"{model.package}.weights").shapes(model)
    if chosen != HUB:
        path = Path(chosen).expanduser()
        tensors = read_checkpoint(path, model=model.name, shapes=shapes, canonical=names.canonical)
        return keep_chosen(model.name, tensors, f"file {path.name}")
    repository = names.HUB.get(model.name)
    if repository is None:
        raise WeightsError(
            f"no repository of the hub is known to fit {model.name}: give the path of a safetensors file"
        )
    folder = home() / "weights"
    folder.mkdir(parents=True, exist_ok=True)
    # Beside the weights, and not in the system's folder for such files, which may be small or in memory.
    with TemporaryDirectory(prefix=".hub-", dir=folder) as temporary:
        path = Path(temporary, FILE)
        download(repository, path, progress)
        tensors = read_checkpoint(
            path, model=model.name, shapes=shapes, canonical=names.canonical, name=f"{repository}/{FILE}"
        )
    return keep_chosen(model.name, tensors, f"hub {repository}")
