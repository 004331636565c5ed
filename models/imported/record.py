"""What is kept of a user's model: its tensors, where it comes from, inputs for it, and an ONNX file to go on from."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from models.home import home
from models.inputs import is_batched, read_arrays
from models.publishing import published
from models.tensor import Tensors, TensorSpec
from models.validation import first_problem

RECORD = "model.json"
INPUTS = "inputs.npz"
SOURCE = "model.onnx"

_log = logging.getLogger(__name__)


class ImportedModel(BaseModel):
    """Stored as ``model.json``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = 1
    name: str
    format: str
    precision: str
    file: str
    """Name of the file or folder that the user gave."""
    sha256: str
    """Of the file as it is in the artifact."""
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    batch_sizes: tuple[int, ...] | None
    """The batch sizes that the file computes; None for any."""
    items: int
    """How many distinct inputs are kept."""
    notes: tuple[str, ...]
    created: str
    """UTC, ISO 8601."""

    @property
    def batched(self) -> bool:
        """Whether its first axes are the batch; else one request is one set of its tensors."""
        return is_batched(self.inputs + self.outputs)

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return root() / self.name

    def requests(self) -> Tensors:
        """Its inputs, ``[items, ...]`` by name.

        Raises:
            InputsError: the file is damaged.
        """
        return read_arrays(self.folder / INPUTS)


def root() -> Path:
    """The folder of all imported models."""
    return home() / "imported"


def imported() -> dict[str, ImportedModel]:
    """All imported models by name; one whose record cannot be read is left out with a warning."""
    found = {}
    for path in sorted(root().glob(f"[!.]*/{RECORD}")):
        try:
            found[path.parent.name] = ImportedModel.model_validate_json(path.read_bytes())
        except OSError as error:
            _log.warning("%s: unreadable (%s): import the model again", path, error.strerror)
        except ValidationError as error:
            _log.warning("%s: %s: import the model again", path, first_problem(error))
    return found


@contextmanager
def publish(model: ImportedModel, inputs: Tensors) -> Iterator[Path]:
    """Write a model's folder; the block may add the source. It appears when the block ends well."""
    with published(root(), model.name) as folder:
        (folder / RECORD).write_text(model.model_dump_json(indent=2) + "\n")
        with (folder / INPUTS).open("wb") as file:
            np.savez(file, **inputs)  # type: ignore[arg-type]  # numpy's stub takes **kwargs for allow_pickle
        yield folder
