"""What the null servers serve: no model, but answers of the size that a model's would have."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter_ns
from typing import Final

import numpy as np

from models import TensorSpec
from servers.oip.metadata import ModelMetadata

BACKLOG: Final = 4096
"""As many connections as a load may open while a null server does not run."""


@dataclass(frozen=True)
class NullModel:
    """A model that is known by every name and always ready.

    Attributes:
        inputs, outputs: what it says that it takes and gives.
        delay_us: for tests and self-checks: how long it computes on each request, one after the other.
    """

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    delay_us: int = 0

    def answer(self) -> dict[str, np.ndarray]:
        """What it answers to everything, for one item: floats as long as a model's are where they go as text."""
        return {spec.name: _values(spec) for spec in self.outputs}

    def metadata(self, name: str) -> ModelMetadata:
        """What it says of itself."""
        return ModelMetadata(name, "null", self.inputs, self.outputs, ("1",))

    def compute(self) -> None:
        """Keep the server's thread busy for ``delay_us``: a sleep would let it answer others meanwhile."""
        if not self.delay_us:
            return
        end_ns = perf_counter_ns() + 1000 * self.delay_us
        while perf_counter_ns() < end_ns:
            pass


def _values(spec: TensorSpec) -> np.ndarray:
    shape, dtype = _item_shape(spec), np.dtype(spec.dtype)
    if dtype.kind != "f":
        return np.zeros(shape, dtype)
    return np.random.default_rng(0).standard_normal(shape).astype(dtype)


def _item_shape(spec: TensorSpec) -> list[int]:
    return [1 if isinstance(size, str) else size for size in spec.shape]
