"""The weights of an imported model are its file's own affair."""

from __future__ import annotations

from models.imported.record import imported
from models.model import Model
from models.weights import Weights


def load(model: Model) -> Weights:
    """No tensors; the checksum and the origin of the file."""
    record = imported()[model.name]
    return Weights({}, record.sha256, f"imported {record.file}")


def identity(model: Model) -> str:
    """The file's checksum: another file under the same name is another model."""
    return imported()[model.name].sha256
