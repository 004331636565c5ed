"""How an artifact labels each item of its model's evaluation set, so that two can be compared item by item."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from zipfile import BadZipFile

import numpy as np

from models import TailbedError, Tensors

EVALUATION = "evaluation.npz"


class EvaluationError(TailbedError):
    """An outcome that is missing or unreadable."""


@dataclass(frozen=True)
class Evaluation:
    """The outcome of one artifact.

    Attributes:
        predicted: int64 ``[items]``, the label that it gives each item; None where its first output is no class scores.
        truth: int64 ``[items]``, the true labels; None where there are none.
        items: how many there are.
        digest: SHA-256 of the items. Outcomes on the same ones can be paired.
    """

    predicted: np.ndarray | None
    truth: np.ndarray | None
    items: int
    digest: str

    @classmethod
    def of(cls, inputs: Tensors, scores: np.ndarray, truth: np.ndarray | None) -> Self:
        """The outcome of an artifact that gave ``scores``, its first output, for ``inputs``, each ``[items, ...]``."""
        return cls(labels_of(scores), truth, len(scores), digest_of(inputs))

    @property
    def right(self) -> np.ndarray | None:
        """Bool ``[items]``: which ones it labels right; None without labels of either kind."""
        if self.predicted is None or self.truth is None:
            return None
        return np.asarray(self.predicted == self.truth)

    def write(self, path: Path) -> None:
        """Store it as an ``.npz``."""
        arrays = {"items": np.array(self.items), "digest": np.array(self.digest)}
        arrays |= {} if self.predicted is None else {"predicted": self.predicted}
        arrays |= {} if self.truth is None else {"truth": self.truth}
        with path.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]  # numpy's stub takes **kwargs for allow_pickle

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read what ``write`` stored.

        Raises:
            EvaluationError: the file is missing or unreadable.
        """
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in stored.files}
            items, digest = int(arrays["items"]), str(arrays["digest"])
        except (OSError, ValueError, TypeError, KeyError, EOFError, BadZipFile) as error:
            raise EvaluationError(f"{path}: no outcome of an evaluation that can be read ({error})") from error
        return cls(arrays.get("predicted"), arrays.get("truth"), items, digest)


def labels_of(scores: np.ndarray) -> np.ndarray | None:
    """The label of each item: where the largest of its scores ``[items, classes]`` is, or the label that it was given
    as a whole number ``[items]``. None of outputs that are neither, such as a regression's."""
    if scores.ndim == 1 and scores.dtype.kind in "iu":
        return scores.astype(np.int64)
    if scores.ndim == 2 and scores.shape[1] > 1 and scores.dtype.kind == "f":
        return np.asarray(scores.argmax(axis=1), np.int64)
    return None


def digest_of(inputs: Tensors) -> str:
    """SHA-256 in hexadecimal over the names, types, shapes and bytes of ``inputs``."""
    digest = hashlib.sha256()
    for name, array in sorted(inputs.items()):
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
