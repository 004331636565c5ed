"""A file's signature, with what the user says of it, and with its batch."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from exporters.importer import ModelImportError, Signature
from models import TensorSpec

BATCH = "batch"


def with_given(
    path: Path, signature: Signature, inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...]
) -> Signature:
    """The signature with what the user says of its tensors: a length for an axis that has none in the file.

    Raises:
        ModelImportError: it says otherwise than the file, or of a tensor that is not there.
    """
    return replace(
        signature,
        inputs=tuple(map(_plain, _refined(path, "input", signature.inputs, inputs))),
        outputs=tuple(map(_plain, _refined(path, "output", signature.outputs, outputs))),
    )


def with_batch(signature: Signature) -> tuple[Signature, tuple[int, ...] | None, bool]:
    """The signature with ``batch`` for its axis of items, the sizes that this can have, and whether there is one.

    There is one if the first axes of all inputs and outputs are of any length, or if all of them are 1: then the file
    computes one item at a time, and larger batches are put together. In any other model a request is one set of its
    tensors, and nothing is batched.
    """
    tensors = signature.inputs + signature.outputs
    firsts = [spec.shape[0] if spec.shape else None for spec in tensors]
    free = all(isinstance(first, str) for first in firsts)
    if not free and any(first != 1 for first in firsts):
        return signature, None, False
    # Other axes of that name are as long as the batch was: they keep a name of their own.
    batched = replace(
        signature,
        inputs=tuple(map(_batch_first, signature.inputs)),
        outputs=tuple(map(_batch_first, signature.outputs)),
    )
    return batched, None if free else (1,), True


def _plain(spec: TensorSpec) -> TensorSpec:
    """Names of axes as identifiers: in files they can be any text, such as ``2*s0 + 1``."""
    return replace(
        spec, shape=tuple(re.sub(r"\W+|^(?=\d)", "_", axis) if isinstance(axis, str) else axis for axis in spec.shape)
    )


def _batch_first(spec: TensorSpec) -> TensorSpec:
    rest = (f"{BATCH}{index}" if axis == BATCH else axis for index, axis in enumerate(spec.shape[1:], 1))
    return replace(spec, shape=(BATCH, *rest))


def _refined(
    path: Path, kind: str, found: tuple[TensorSpec, ...], given: tuple[TensorSpec, ...]
) -> tuple[TensorSpec, ...]:
    told = {spec.name: spec for spec in given}
    if unknown := told.keys() - {spec.name for spec in found}:
        names = ", ".join(repr(spec.name) for spec in found)
        raise ModelImportError(f"{path}: no {kind} {min(unknown)!r}: the model has {names}")
    return tuple(_agreed(path, kind, spec, told.get(spec.name, spec)) for spec in found)


def _agreed(path: Path, kind: str, found: TensorSpec, told: TensorSpec) -> TensorSpec:
    fits = len(found.shape) == len(told.shape) and all(
        isinstance(have, str) or have == want for have, want in zip(found.shape, told.shape, strict=True)
    )
    if not fits or found.dtype != told.dtype:
        shape = ",".join(map(str, found.shape))
        raise ModelImportError(
            f"{path}: {kind} {found.name!r} is {found.dtype} [{shape}] in the file: --{kind} differs"
        )
    return told
