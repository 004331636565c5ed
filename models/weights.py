"""Weights that are trained once and kept, each file with its checksum beside it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import ModuleType

from models.home import home
from models.packages import package_versions
from models.publishing import published
from models.tensor import Tensors

_FILE = "weights.safetensors"
_CHECKSUM = f"{_FILE}.sha256"

_log = logging.getLogger(__name__)


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


def cached_weights(
    model: str, recipe: tuple[ModuleType, ...], make: Callable[[], Tensors], *, origin: str = "trained"
) -> Weights:
    """The weights of ``model``: read from the cache, or made by ``make`` and put there.

    They are kept under ``home()/weights/<model>/<recipe>/``, where ``recipe`` is a hash of the source text of the
    modules that make them: a changed recipe is another file. Package versions are no part of it, so that an update
    leaves the weights, and with them the comparisons with earlier results, as they are.

    A file whose checksum does not match is never used: it is made again, with one line of warning.

    Raises:
        PublishError: the cache folder cannot be written.
        MissingPackage: safetensors is not installed.
    """
    package_versions("safetensors", needed_for=f"the cache of {model}'s weights")
    import safetensors.numpy

    name = f"{model}/{_fingerprint(recipe)}"
    root = home() / "weights"
    content = _read(root / name)
    if content is None:
        content = safetensors.numpy.save(dict(make()))
        with published(root, name) as folder:
            (folder / _FILE).write_bytes(content)
            # The format of sha256sum, which can check it by hand.
            (folder / _CHECKSUM).write_text(f"{sha256(content).hexdigest()}  {_FILE}\n")
    return Weights(safetensors.numpy.load(content), sha256(content).hexdigest(), origin)


def identity(model: str) -> str:
    """The checksums of all weights that are kept for ``model``; empty while none has been made or brought."""
    kept = sorted((home() / "weights" / model).glob(f"*/{_CHECKSUM}"))
    return " ".join(path.read_text(errors="replace").partition(" ")[0] for path in kept)


def _fingerprint(recipe: tuple[ModuleType, ...]) -> str:
    digest = sha256()
    for module in recipe:
        digest.update(Path(str(module.__file__)).read_bytes())
    return digest.hexdigest()[:16]


def _read(folder: Path) -> bytes | None:
    """The file's content, or None where there is none that its checksum confirms."""
    if not folder.exists():
        return None
    try:
        content = (folder / _FILE).read_bytes()
        expected = (folder / _CHECKSUM).read_text(errors="replace").split()[:1]
    except OSError as error:
        _log.warning("%s: unreadable (%s): the weights are made again", folder, error.strerror)
        return None
    if expected != [sha256(content).hexdigest()]:
        _log.warning("%s: its checksum does not match: the weights are made again", folder / _FILE)
        return None
    return content
