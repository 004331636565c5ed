"""What the null servers serve: no model, but answers of the size that a model's would have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from models import TensorSpec
from servers.oip.metadata import ModelMetadata

BACKLOG: Final = 4096
"""As many connections as a load may open while a null server does not run."""


@dataclass(frozen=True)
class NullModel:
    """A model that is known by every name and always ready."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]

    def answer(self) -> dict[str, np.ndarray]:
        """What it answers to everything: zeros, for one item."""
        return {spec.name: np.zeros(_item_shape(spec), dtype=spec.dtype) for spec in self.outputs}

    def metadata(self, name: str) -> ModelMetadata:
        """What it says of itself."""
        return ModelMetadata(name, "null", self.inputs, self.outputs, ("1",))


def _item_shape(spec: TensorSpec) -> list[int]:
    return [1 if isinstance(size, str) else size for size in spec.shape]
