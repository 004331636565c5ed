"""Tensors as values: the specification of one, and a set of named arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from models.errors import TailbedError

Tensors = Mapping[str, np.ndarray]
"""Arrays by tensor name. In a batch, axis 0 of every array is the item."""


class TensorMismatch(TailbedError, ValueError):
    """An array that is not what the specification says."""


@dataclass(frozen=True)
class TensorSpec:
    """Name, dtype and shape of a model's input or output.

    Attributes:
        name: the tensor's name in every format and protocol.
        dtype: numpy's name of the element type, such as ``"float32"``.
        shape: one entry an axis; a string names a symbolic axis of any length (``"batch"`` comes first).
    """

    name: str
    dtype: str
    shape: tuple[int | str, ...]

    @classmethod
    def parse(cls, text: str) -> TensorSpec:
        """``NAME:DTYPE:SHAPE``, such as ``image:float32:batch,3,224,224``; a single number has no shape.

        Raises:
            ValueError: it is not that.
        """
        name, dtype, shape = text.rsplit(":", 2) if text.count(":") > 1 else ("", "", "")
        axes = [axis.strip() for axis in shape.split(",")] if shape.strip() else []
        try:
            known = np.dtype(dtype).kind in "biuf" and np.dtype(dtype).name == dtype
        except TypeError:
            known = False
        if not name or not known or not all(axis.isidentifier() or (axis.isdecimal() and int(axis)) for axis in axes):
            raise ValueError(f"{text!r} is not NAME:DTYPE:SHAPE, such as image:float32:batch,3,224,224")
        return cls(name, dtype, tuple(int(axis) if axis.isdecimal() else axis for axis in axes))

    def check(self, array: np.ndarray) -> None:
        """Compare an array with the specification.

        Raises:
            TensorMismatch: another dtype, another number of axes or another length of a fixed axis.
        """
        if array.dtype != np.dtype(self.dtype):
            raise TensorMismatch(f"tensor {self.name!r} has dtype {array.dtype}, expected {self.dtype}")
        fits = len(array.shape) == len(self.shape) and all(
            isinstance(want, str) or want == have for want, have in zip(self.shape, array.shape, strict=True)
        )
        if not fits:
            raise TensorMismatch(
                f"tensor {self.name!r} has shape {list(array.shape)}, expected [{', '.join(map(str, self.shape))}]"
            )


def check_tensors(specs: tuple[TensorSpec, ...], tensors: Tensors) -> None:
    """Check that ``tensors`` are exactly those specified, with one batch size.

    Raises:
        TensorMismatch: a tensor is missing, unknown or does not fit, or the batch sizes differ.
    """
    names = {spec.name for spec in specs}
    if missing := names - tensors.keys():
        raise TensorMismatch(f"missing tensor {', '.join(map(repr, sorted(missing)))}")
    if unknown := tensors.keys() - names:
        raise TensorMismatch(
            f"unknown tensor {', '.join(map(repr, sorted(unknown)))}: the model has {', '.join(sorted(names))}"
        )
    for spec in specs:
        spec.check(tensors[spec.name])
    batches = {tensors[spec.name].shape[0] for spec in specs if spec.shape and isinstance(spec.shape[0], str)}
    if len(batches) > 1:
        raise TensorMismatch(f"tensors have different batch sizes: {sorted(batches)}")
