"""The pool of distinct request inputs that a run cycles over, as a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from loadtest.errors import LoadError
from models import Tensors
from models.inputs import InputsError, check_lengths, from_npz, generate, one_item, read_arrays
from servers.errors import EndpointError
from servers.oip.metadata import ModelMetadata

if TYPE_CHECKING:
    from servers.protocols import Client

_INPUTS = "inputs/"
_OUTPUTS = "outputs/"


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
        return one_item(self.inputs, item, batched=batched)

    def answer(self, item: int, *, batched: bool) -> dict[str, np.ndarray]:
        """The tensors of the right answer to it."""
        return one_item(self.outputs, item, batched=batched)


def read_pool(path: Path) -> Pool:
    """Read an ``.npz`` with ``inputs/NAME`` and maybe ``outputs/NAME``.

    Raises:
        LoadError: missing, unreadable, without inputs, or with arrays of different lengths.
    """
    try:
        arrays = read_arrays(path)
        check_lengths(path, arrays)
    except InputsError as error:
        raise LoadError(str(error)) from error
    pool = Pool(_under(_INPUTS, arrays), _under(_OUTPUTS, arrays))
    if not pool.inputs:
        raise LoadError(f"{path}: no pool of requests: it has no array called {_INPUTS}NAME")
    return pool


def write_pool(path: Path, inputs: Tensors) -> None:
    """Write request inputs, ``[items, ...]`` by name, as a pool without known outputs."""
    with path.open("wb") as file:
        np.savez(file, **{f"{_INPUTS}{name}": array for name, array in inputs.items()})  # type: ignore[arg-type]


def described(client: Client, model: str, file: Path | None) -> ModelMetadata:
    """What the server says of ``model``: no tensors, where the model is ready, nobody describes it and there is a file.

    Raises:
        EndpointError: no answer, or no such model.
        LoadError: the model is there, and neither the server nor a file tells what it takes.
    """
    try:
        return client.metadata(model)
    except EndpointError as error:
        if not client.ready(model):
            raise
        if file is None:
            raise LoadError(f"{error}: give inputs with --inputs FILE") from error
        return ModelMetadata(model, "", (), ())


def requests(
    model: str, metadata: ModelMetadata, file: Path | None, *, items: int, seed: int, batched: bool
) -> dict[str, np.ndarray]:
    """A user's own inputs ``[items, ...]`` by name, or where there is no file inputs made up from what the server says.

    Raises:
        InputsError: the file cannot be read, or does not fit the model.
        LoadError: there is no file, and the server does not say what the model takes.
    """
    if file is None:
        if not metadata.inputs:
            raise LoadError(f"the server does not say what {model!r} takes: give inputs with --inputs FILE")
        return generate(metadata.inputs, items, seed, batched=batched)
    if metadata.inputs:
        return from_npz(file, metadata.inputs, batched=batched)
    arrays = read_arrays(file)
    check_lengths(file, arrays)
    return arrays


def _under(prefix: str, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
