"""The pool of distinct request inputs that a run cycles over, from a file or made up from a model's metadata."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from loadtest.errors import LoadError
from models import Tensors, TensorSpec

_INPUTS = "inputs/"
_OUTPUTS = "outputs/"
_INTEGERS_BELOW = 100
"""Made-up integers are small: they may be indices, such as tokens of a vocabulary."""


@dataclass(frozen=True)
class Pool:
    """Request inputs, and the right outputs where they are known. Each array is ``[items, ...]``."""

    inputs: Tensors
    outputs: Tensors = field(default_factory=dict)

    def __len__(self) -> int:
        """How many distinct requests there are."""
        return len(next(iter(self.inputs.values())))

    def request(self, item: int, *, batched: bool) -> dict[str, np.ndarray]:
        """The tensors of one request."""
        return _item(self.inputs, item, batched)

    def answer(self, item: int, *, batched: bool) -> dict[str, np.ndarray]:
        """The tensors of the right answer to it."""
        return _item(self.outputs, item, batched)


def read_pool(path: Path) -> Pool:
    """Read an ``.npz`` with ``inputs/NAME`` and maybe ``outputs/NAME``.

    Raises:
        LoadError: missing, unreadable, without inputs, or with arrays of different lengths.
    """
    arrays = _read(path)
    pool = Pool(_under(_INPUTS, arrays), _under(_OUTPUTS, arrays))
    if not pool.inputs:
        raise LoadError(f"{path}: no pool of requests: it has no array called {_INPUTS}NAME")
    _one_length(path, arrays)
    return pool


def write_pool(path: Path, inputs: Tensors) -> None:
    """Write request inputs, ``[items, ...]`` by name, as a pool without known outputs."""
    with path.open("wb") as file:
        np.savez(file, **{f"{_INPUTS}{name}": array for name, array in inputs.items()})  # type: ignore[arg-type]


def is_batched(specs: tuple[TensorSpec, ...]) -> bool:
    """Whether a model with these inputs takes batches, so that one item is sent as ``[1, ...]``.

    A server tells a batch axis by a first axis of any length; one that is always 1 is taken for one as well.
    """
    return all(bool(spec.shape) and (isinstance(spec.shape[0], str) or spec.shape[0] == 1) for spec in specs)


def generate(specs: tuple[TensorSpec, ...], items: int, seed: int) -> dict[str, np.ndarray]:
    """Inputs that fit the specifications: floats normal, integers small and not negative, axes of any length 1.

    Returns:
        Arrays ``[items, ...]`` by name.
    """
    random = np.random.default_rng(seed)
    arrays: dict[str, np.ndarray] = {}
    for spec in specs:
        lengths = (1 if isinstance(axis, str) else axis for axis in _item_axes(spec, specs))
        arrays[spec.name] = _values(random, np.dtype(spec.dtype), (items, *lengths))
    return arrays


def from_npz(path: Path, specs: tuple[TensorSpec, ...]) -> dict[str, np.ndarray]:
    """A user's own inputs: an ``.npz`` with an array ``[items, ...]`` for each input, under the input's name.

    Raises:
        LoadError: missing, unreadable, or not what the specifications ask for.
    """
    arrays = _read(path)
    names = {spec.name for spec in specs}
    if arrays.keys() != names:
        raise LoadError(f"{path}: has arrays {_listed(arrays)}, but the model's inputs are {_listed(names)}")
    for spec in specs:
        _check(path, spec, specs, arrays[spec.name])
    _one_length(path, arrays)
    return arrays


def _item(arrays: Tensors, item: int, batched: bool) -> dict[str, np.ndarray]:
    return {name: array[item : item + 1] if batched else array[item] for name, array in arrays.items()}


def _item_axes(spec: TensorSpec, specs: tuple[TensorSpec, ...]) -> tuple[int | str, ...]:
    """The axes of an item as the pool holds it, without the batch axis if there is one."""
    return spec.shape[1:] if is_batched(specs) else spec.shape


def _values(random: np.random.Generator, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
    if dtype.kind == "f":
        return random.standard_normal(shape).astype(dtype)
    if dtype.kind in "iu":
        return random.integers(0, _INTEGERS_BELOW, shape).astype(dtype)
    if dtype.kind == "b":
        return random.random(shape) < 0.5
    # Strings: numpy keeps those of a fixed length in a file, but not objects.
    return np.array([random.bytes(4).hex().encode() for _ in range(int(np.prod(shape)))], dtype="S8").reshape(shape)


def _check(path: Path, spec: TensorSpec, specs: tuple[TensorSpec, ...], array: np.ndarray) -> None:
    wanted = np.dtype(spec.dtype)
    if array.dtype != wanted and not (wanted.kind == "O" and array.dtype.kind in "SU"):
        dtype = "strings" if wanted.kind == "O" else wanted
        raise LoadError(f"{path}: array {spec.name!r} has dtype {array.dtype}, expected {dtype}")
    axes = _item_axes(spec, specs)
    if array.ndim != 1 + len(axes) or any(
        isinstance(want, int) and want != have for want, have in zip(axes, array.shape[1:], strict=True)
    ):
        expected = ", ".join(map(str, ("items", *axes)))
        raise LoadError(f"{path}: array {spec.name!r} has shape {list(array.shape)}, expected [{expected}]")


def _one_length(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    lengths = {array.shape[:1] for array in arrays.values()}
    if len(lengths) > 1 or not all(length and length[0] for length in lengths):
        shapes = ", ".join(f"{name} {list(array.shape)}" for name, array in arrays.items())
        raise LoadError(f"{path}: the arrays do not hold one and the same number of items, at least 1: {shapes}")


def _read(path: Path) -> dict[str, np.ndarray]:
    try:
        # Opened here, since numpy leaves a file that it cannot read open.
        with path.open("rb") as file:
            stored = np.load(file, allow_pickle=False)
            return {name: stored[name] for name in stored.files}
    except FileNotFoundError as error:
        raise LoadError(f"{path}: no such file") from error
    # The ways in which numpy and zipfile say that it is no archive, the third of them a lone array's.
    except (OSError, ValueError, AttributeError, EOFError, zipfile.BadZipFile) as error:
        raise LoadError(f"{path}: not an .npz file of arrays ({error})") from error


def _under(prefix: str, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(repr, sorted(names))) or "none"
