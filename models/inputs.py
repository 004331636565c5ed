"""Distinct inputs of a model, from a user's file or made up from the specifications."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from models.errors import TailbedError
from models.tensor import Tensors, TensorSpec

_INTEGERS_BELOW = 100
"""Made-up integers are small: they may be indices, such as tokens of a vocabulary."""


class InputsError(TailbedError):
    """A file of inputs that cannot be read, or does not fit the model."""


def is_batched(specs: tuple[TensorSpec, ...]) -> bool:
    """Whether a model with these inputs and outputs takes batches, so that one item is sent as ``[1, ...]``.

    A batch axis is a first axis of any length; one that is always 1 is taken for one as well.
    """
    return all(bool(spec.shape) and (isinstance(spec.shape[0], str) or spec.shape[0] == 1) for spec in specs)


def generate(
    specs: tuple[TensorSpec, ...], items: int, seed: int, *, batched: bool, length: int = 1
) -> dict[str, np.ndarray]:
    """Inputs that fit the specifications: floats normal, integers small and not negative.

    Args:
        specs: of the inputs.
        items: how many.
        seed: of the random numbers.
        batched: as ``is_batched`` says of the model.
        length: of axes of any length other than ``batch``, which is 1 where it is no axis of items.

    Returns:
        Arrays ``[items, ...]`` by name.
    """
    random = np.random.default_rng(seed)
    arrays: dict[str, np.ndarray] = {}
    for spec in specs:
        named = ((1 if axis == "batch" else length) if isinstance(axis, str) else axis for axis in spec.shape)
        lengths = tuple(named)[1 if batched else 0 :]
        arrays[spec.name] = _values(random, np.dtype(spec.dtype), (items, *lengths))
    return arrays


def from_npz(path: Path, specs: tuple[TensorSpec, ...], *, batched: bool) -> dict[str, np.ndarray]:
    """A user's own inputs: an ``.npz`` with an array ``[items, ...]`` for each input, under the input's name.

    Raises:
        InputsError: missing, unreadable, or not what the specifications ask for.
    """
    arrays = read_arrays(path)
    names = {spec.name for spec in specs}
    if arrays.keys() != names:
        raise InputsError(f"{path}: has arrays {_listed(arrays)}, but the model's inputs are {_listed(names)}")
    for spec in specs:
        _check(path, spec, arrays[spec.name], spec.shape[1:] if batched else spec.shape)
    check_lengths(path, arrays)
    return arrays


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """All arrays of an ``.npz``, by name.

    Raises:
        InputsError: missing, or no such file.
    """
    try:
        # Opened here, since numpy leaves a file that it cannot read open.
        with path.open("rb") as file:
            stored = np.load(file, allow_pickle=False)
            return {name: stored[name] for name in stored.files}
    except FileNotFoundError as error:
        raise InputsError(f"{path}: no such file") from error
    # The ways in which numpy and zipfile say that it is no archive, the third of them a lone array's.
    except (OSError, ValueError, AttributeError, EOFError, zipfile.BadZipFile) as error:
        raise InputsError(f"{path}: not an .npz file of arrays ({error})") from error


def check_lengths(path: Path, arrays: Tensors) -> None:
    """Check that all arrays hold the same number of items, and some.

    Raises:
        InputsError: they do not.
    """
    lengths = {array.shape[:1] for array in arrays.values()}
    if len(lengths) > 1 or not all(length and length[0] for length in lengths):
        shapes = ", ".join(f"{name} {list(array.shape)}" for name, array in arrays.items())
        raise InputsError(f"{path}: the arrays do not hold one and the same number of items, at least 1: {shapes}")


def one_item(tensors: Tensors, item: int, *, batched: bool) -> dict[str, np.ndarray]:
    """One item of arrays ``[items, ...]`` as a model takes or gives it: ``[1, ...]``, or without the axis of items."""
    # An item without axes is a number, and no array any more.
    return {name: array[item : item + 1] if batched else np.asarray(array[item]) for name, array in tensors.items()}


def _values(random: np.random.Generator, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
    if dtype.kind == "f":
        return random.standard_normal(shape).astype(dtype)
    if dtype.kind in "iu":
        return random.integers(0, _INTEGERS_BELOW, shape).astype(dtype)
    if dtype.kind == "b":
        return random.random(shape) < 0.5
    # Strings: numpy keeps those of a fixed length in a file, but not objects.
    return np.array([random.bytes(4).hex().encode() for _ in range(int(np.prod(shape)))], dtype="S8").reshape(shape)


def _check(path: Path, spec: TensorSpec, array: np.ndarray, axes: tuple[int | str, ...]) -> None:
    wanted = np.dtype(spec.dtype)
    if array.dtype != wanted and not (wanted.kind == "O" and array.dtype.kind in "SU"):
        dtype = "strings" if wanted.kind == "O" else wanted
        raise InputsError(f"{path}: array {spec.name!r} has dtype {array.dtype}, expected {dtype}")
    if array.ndim != 1 + len(axes) or any(
        isinstance(want, int) and want != have for want, have in zip(axes, array.shape[1:], strict=True)
    ):
        expected = ", ".join(map(str, ("items", *axes)))
        raise InputsError(f"{path}: array {spec.name!r} has shape {list(array.shape)}, expected [{expected}]")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(repr, sorted(names))) or "none"
