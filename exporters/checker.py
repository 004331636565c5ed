"""What an artifact is checked with: the runtime that will serve it, as the exporters see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from models import Tensors, TensorSpec


@dataclass(frozen=True)
class ModelFile:
    """A model's file, and what a runtime must know that the file may not tell.

    Attributes:
        path: the file, or the folder where the format takes several.
        inputs: specifications of the inputs, in the order of the source's arguments.
        outputs: specifications of the outputs, in the order in which the source returns them.
        precision: of ``PRECISIONS``; a runtime that would compute in another one by default is told so.
        batch_sizes: the batch sizes that the file computes, ascending; None for any.
    """

    path: Path
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    precision: str = "fp32"
    batch_sizes: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Compute:
    """What a model is computed with.

    Attributes:
        device: ``cpu``, or ``cuda`` for the first NVIDIA GPU.
        threads: threads of one operator (intra-op).
    """

    device: str = "cpu"
    threads: int = 1


class CheckedModel(Protocol):
    """An artifact in memory."""

    facts: Mapping[str, str]

    def run(self, inputs: Tensors) -> Tensors:
        """Outputs by name for a batch."""
        ...


class Checker(Protocol):
    """Loads artifacts. ``servers.runtimes`` has them."""

    name: str
    packages: tuple[str, ...]

    def load(self, file: ModelFile, compute: Compute) -> CheckedModel:
        """Load a model's file."""
        ...
