"""Any batch size from a model that computes only certain ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from models import Tensors


class FixedBatch:
    """Puts a batch together from the sizes that there are.

    It takes as many items at a time as the largest size that they fill. Fewer than the smallest size are filled up by
    repeating the last one, and what comes out for those is cut away: so no more items are computed than need be, and
    an item's answer never depends on what fills the batch. No items at all are filled up with zeros, which gives
    outputs of the right shape.

    Args:
        run: computes a batch of one of the ``sizes``, axis 0 of every input and output being the item; what it
            returns must outlive its next call.
        sizes: the batch sizes that it computes, in any order.

    Raises:
        ValueError: there is no size, or one is less than 1.
    """

    def __init__(self, run: Callable[[Tensors], dict[str, np.ndarray]], sizes: Sequence[int]) -> None:
        if not sizes or min(sizes) < 1:
            raise ValueError(f"batch sizes are {list(sizes)}, expected one or more, each 1 or more")
        self._run = run
        self._descending = sorted(set(sizes), reverse=True)

    def run(self, inputs: Tensors) -> dict[str, np.ndarray]:
        """Outputs by name for a batch of any size; the inputs are not written to."""
        items = len(next(iter(inputs.values())))
        if items in self._descending:
            return self._run(inputs)
        parts = [self._chunk(inputs, start, taken, size) for start, taken, size in self._chunks(items)]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _chunks(self, items: int) -> Iterator[tuple[int, int, int]]:
        """Where each chunk starts, how many items it takes, and the size that it is computed at."""
        start, smallest = 0, self._descending[-1]
        for size in self._descending:
            while items - start >= size:
                yield start, size, size
                start += size
        if start < items or items == 0:
            yield start, items - start, smallest

    def _chunk(self, inputs: Tensors, start: int, taken: int, size: int) -> dict[str, np.ndarray]:
        chunk = {name: _filled(array[start : start + taken], size) for name, array in inputs.items()}
        return {name: output[:taken] for name, output in self._run(chunk).items()}


def _filled(items: np.ndarray, size: int) -> np.ndarray:
    missing = size - len(items)
    if missing == 0:
        return items
    if len(items) == 0:
        return np.zeros((size, *items.shape[1:]), items.dtype)
    return np.concatenate([items, np.repeat(items[-1:], missing, axis=0)])
