"""Outputs in an answer that has no dtypes."""

from __future__ import annotations

import numpy as np

from models import Tensors
from servers.tfserving_api.rest import UNNAMED


class Untyped(dict[str, np.ndarray]):
    """Outputs by name, in the dtypes that the text of their values suggests."""

    def like(self, expected: Tensors) -> dict[str, np.ndarray]:
        """The same with the dtypes of the outputs that are expected, as far as they are numbers of the same kind.

        An only output that is ``UNNAMED`` gets the name of the only one that is expected.
        """
        named = self
        if self.keys() == {UNNAMED} and len(expected) == 1:
            named = Untyped({next(iter(expected)): self[UNNAMED]})
        return {
            name: array.astype(expected[name].dtype) if name in expected and _fits(array, expected[name]) else array
            for name, array in named.items()
        }


def _fits(array: np.ndarray, expected: np.ndarray) -> bool:
    if expected.dtype.kind == "f":
        return array.dtype.kind in "iuf"
    if expected.dtype.kind in "iu" and array.dtype.kind in "iu":
        limits = np.iinfo(expected.dtype)
        return all(limits.min <= int(value) <= limits.max for value in (array.min(initial=0), array.max(initial=0)))
    # An empty list has no dtype at all.
    return array.size == 0
