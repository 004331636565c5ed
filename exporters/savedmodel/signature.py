"""The signature that our SavedModels have, and the tensors that it takes."""

from __future__ import annotations

from typing import Any

from models import TensorSpec
from models.frameworks.tensorflow import tensorflow

SERVING_DEFAULT = "serving_default"
"""The signature that TensorFlow's servers and converters take unless told otherwise."""


def input_signature(specs: tuple[TensorSpec, ...], *, batch: int | None = None) -> list[Any]:
    """What ``tf.function`` is told of a function's one argument, a dictionary by input name.

    Args:
        specs: of the inputs; symbolic axes are of any length.
        batch: length of the first axis where it is symbolic; None for any.
    """
    tf = tensorflow()
    return [
        {
            spec.name: tf.TensorSpec(
                [
                    (batch if index == 0 else None) if isinstance(axis, str) else axis
                    for index, axis in enumerate(spec.shape)
                ],
                spec.dtype,
                name=spec.name,
            )
            for spec in specs
        }
    ]
