"""Output specifications that a file does not tell, found by running it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from exporters.importer import ModelImportError
from models import Tensors, TensorSpec

_BATCH = 2
_LENGTH = 16


def probe(run: Callable[[Tensors], Sequence[np.ndarray]], inputs: tuple[TensorSpec, ...]) -> list[TensorSpec]:
    """The outputs of ``run``, called ``output`` or ``output0``, ``output1``, ...

    Each axis of the inputs that has a name is made longer by one in turn: an output's axis that changes with it is
    named after it.

    Raises:
        ModelImportError: the outputs are none, or change their number of axes.
    """
    axes = dict.fromkeys(axis for spec in inputs for axis in spec.shape if isinstance(axis, str))
    lengths = {axis: _BATCH if axis == "batch" else _LENGTH for axis in axes}
    base = run(_zeros(inputs, lengths))
    shapes: list[list[int | str]] = [list(array.shape) for array in base]
    for axis in axes:
        longer = run(_zeros(inputs, lengths | {axis: lengths[axis] + 1}))
        for shape, before, after in zip(shapes, base, longer, strict=True):
            if after.ndim != before.ndim:
                raise ModelImportError(f"an output has {before.ndim} axes, and {after.ndim} with a longer {axis!r}")
            for position, (was, now) in enumerate(zip(before.shape, after.shape, strict=True)):
                if was != now:
                    # An axis that follows two of the inputs' has a length of its own.
                    shape[position] = axis if isinstance(shape[position], int) else f"axis{position}"
    names = ["output"] if len(base) == 1 else [f"output{index}" for index in range(len(base))]
    return [
        TensorSpec(name, str(array.dtype), tuple(shape)) for name, array, shape in zip(names, base, shapes, strict=True)
    ]


def _zeros(specs: tuple[TensorSpec, ...], lengths: dict[str, int]) -> dict[str, np.ndarray]:
    # Of integers, which may be indices, 0 is the one that always is one.
    return {
        spec.name: np.zeros([lengths[axis] if isinstance(axis, str) else axis for axis in spec.shape], spec.dtype)
        for spec in specs
    }
