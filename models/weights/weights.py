"""The weights of a model: those that the user chose, else its own, made once and kept with a checksum beside them."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from models.errors import TailbedError
from models.home import home
from models.packages import package_versions
from models.publishing import published
from models.tensor import Tensors

if TYPE_CHECKING:
    from models.model import Model

_FILE = "weights.safetensors"
_CHECKSUM = f"{_FILE}.sha256"
_CHOSEN = "chosen"

_log = logging.getLogger(__name__)


class WeightsError(TailbedError):
    """Weights that the model cannot take, or that cannot be had."""


@dataclass(frozen=True)
class Weights:
    """Named parameters, as any framework can take them.

    Attributes:
        tensors: arrays by the parameter's name.
        sha256: SHA-256 of the safetensors file.
        origin: where they come from, in words: ``trained``, ``random, seed 0``, ``file NAME`` or ``hub REPOSITORY``.
    """

    tensors: Tensors
    sha256: str
    origin: str


def model_weights(
    model: str, recipe: tuple[str, ...], make: Callable[[], Tensors], *, origin: str = "trained"
) -> Weights:
    """The weights of ``model``: those that were chosen with ``choose_weights``, else its own, from the cache or made.

    Its own are kept under ``home()/weights/<model>/<recipe>/``, where ``recipe`` is a hash of the source text of the
    modules that make them: a changed recipe is another file. Package versions are no part of it, so that an update
    leaves the weights, and with them the comparisons with earlier results, as they are.

    A file of its own whose checksum does not match is never used: it is made again, with one line of warning.

    Args:
        model: the model's name.
        recipe: the full names of the modules that make its own weights; they are read, not imported.
        make: makes its own weights.
        origin: where its own come from, in words.

    Raises:
        WeightsError: chosen weights are damaged, which only the user can mend.
        PublishError: the cache folder cannot be written.
        MissingPackage: safetensors is not installed.
    """
    package_versions("safetensors", needed_for=f"the weights of {model}")
    import safetensors.numpy

    if _folder(model, _CHOSEN).exists():
        return _chosen(model)
    name = _fingerprint(recipe)
    content = _read(_folder(model, name))
    if content is None:
        content = safetensors.numpy.save(dict(make()))
        with published(home() / "weights", f"{model}/{name}") as folder:
            _write(folder, content)
    return Weights(safetensors.numpy.load(content), sha256(content).hexdigest(), origin)


def identity(model: Model) -> str:
    """The checksum of the weights that ``model.weights()`` gives; empty while its own are not made yet.

    Imports no framework: what a model's own weights are made from is the ``RECIPE`` of its ``<package>/weights.py``.
    A family that keeps no weights has none, and its identity is empty; one that keeps them elsewhere tells its own.
    """
    module = import_module(f"{model.package}.weights")
    if hasattr(module, "identity"):
        return str(module.identity(model))
    recipe: tuple[str, ...] = getattr(module, "RECIPE", ())
    if not recipe:
        return ""
    chosen = _folder(model.name, _CHOSEN)
    folder = chosen if chosen.exists() else _folder(model.name, _fingerprint(recipe))
    return _checksum(folder)


def keep_chosen(model: str, tensors: Tensors, origin: str) -> Weights:
    """Make ``tensors``, named as the model's own are, the weights of ``model`` until ``forget_chosen``.

    Raises:
        PublishError: the cache folder cannot be written.
    """
    import safetensors.numpy

    # The origin is a part of the file: weights of another origin are other weights, also to an artifact's manifest.
    content = safetensors.numpy.save(dict(tensors), metadata={"origin": origin})
    with published(home() / "weights", f"{model}/{_CHOSEN}") as folder:
        _write(folder, content)
    return Weights(tensors, sha256(content).hexdigest(), origin)


def forget_chosen(model: str) -> None:
    """Go back to the own weights of ``model``."""
    folder = _folder(model, _CHOSEN)
    removed = folder.with_name(f".{_CHOSEN}.removed")
    shutil.rmtree(removed, ignore_errors=True)
    with suppress(FileNotFoundError):
        folder.rename(removed)  # in one step: half of a folder would be damaged weights
    shutil.rmtree(removed, ignore_errors=True)


def _chosen(model: str) -> Weights:
    import safetensors
    import safetensors.numpy

    folder = _folder(model, _CHOSEN)
    path = folder / _FILE
    try:
        content = path.read_bytes()
        digest = sha256(content).hexdigest()
        if digest != _checksum(folder):
            raise WeightsError(f"{path}: its checksum does not match: {_again(model)}")
        with safetensors.safe_open(path, framework="np") as file:
            origin = file.metadata()["origin"]
    except OSError as error:
        raise WeightsError(f"{path}: {error.strerror}: {_again(model)}") from error
    return Weights(safetensors.numpy.load(content), digest, origin)


def _again(model: str) -> str:
    return f"choose weights again with 'tailbed weights {model}', or go back with 'tailbed weights {model} default'"


def _folder(model: str, name: str) -> Path:
    return home() / "weights" / model / name


def _fingerprint(recipe: tuple[str, ...]) -> str:
    digest = sha256()
    for module in recipe:
        spec = find_spec(module)
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError(f"no module {module!r}", name=module)
        digest.update(Path(spec.origin).read_bytes())
    return digest.hexdigest()[:16]


def _checksum(folder: Path) -> str:
    try:
        return (folder / _CHECKSUM).read_text(errors="replace").partition(" ")[0]
    except OSError:
        return ""


def _write(folder: Path, content: bytes) -> None:
    (folder / _FILE).write_bytes(content)
    # The format of sha256sum, which can check it by hand.
    (folder / _CHECKSUM).write_text(f"{sha256(content).hexdigest()}  {_FILE}\n")


def _read(folder: Path) -> bytes | None:
    """The file's content, or None where there is none that its checksum confirms."""
    if not folder.exists():
        return None
    try:
        content = (folder / _FILE).read_bytes()
    except OSError as error:
        _log.warning("%s: unreadable (%s): the weights are made again", folder, error.strerror)
        return None
    if _checksum(folder) != sha256(content).hexdigest():
        _log.warning("%s: its checksum does not match: the weights are made again", folder / _FILE)
        return None
    return content
