"""The signature that our SavedModels have, the tensors that it takes, and which one of a user's file is served."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from exporters.importer import ModelImportError
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


def chosen(path: Path, signatures: Mapping[str, Sequence[str]], given: tuple[TensorSpec, ...]) -> str:
    """The signature to serve: ``serving_default``, else the only one, else that with the given inputs.

    Args:
        path: the user's file or folder.
        signatures: names of the inputs by name of the signature; there is one at least.
        given: what the user says of the inputs.

    Raises:
        ModelImportError: there are several, and it is not told which.
    """
    if SERVING_DEFAULT in signatures:
        return SERVING_DEFAULT
    if len(signatures) == 1:
        return next(iter(signatures))
    names = {spec.name for spec in given}
    fitting = [name for name, inputs in signatures.items() if names and set(inputs) == names]
    if len(fitting) != 1:
        listed = "; ".join(f"{name} ({', '.join(inputs)})" for name, inputs in sorted(signatures.items()))
        raise ModelImportError(
            f"{path}: it has the signatures {listed}, and none is {SERVING_DEFAULT}: "
            "give every --input of the one to serve"
        )
    return fitting[0]
