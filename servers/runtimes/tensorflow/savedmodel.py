"""What a SavedModel's file says, before TensorFlow builds it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from exporters.savedmodel.signature import SERVING_DEFAULT
from models import TensorSpec

_PYTHON_OPS = {"PyFunc", "PyFuncStateless", "EagerPyFunc"}


def check_operations(folder: Path) -> None:
    """Read ``saved_model.pb`` and refuse a graph that calls back into the Python program that wrote it.

    Raises:
        ValueError: it does; the function is not in the file.
        OSError: the file cannot be read.
        google.protobuf.message.DecodeError: it is no SavedModel.
    """
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    saved = SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    for graph in (meta.graph_def for meta in saved.meta_graphs):
        nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
        if found := sorted({node.op for node in nodes} & _PYTHON_OPS):
            raise ValueError(f"its graph calls a Python function ({', '.join(found)}), which no file holds")


def choose(signatures: dict[str, Any], inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...]) -> str:
    """The signature to serve: of those that fit ``serving_default``, or else the only one.

    Raises:
        ValueError: none fits, or several do and ``serving_default`` is not among them.
    """
    misfits = {name: _misfit(signature, inputs, outputs) for name, signature in signatures.items()}
    fitting = [name for name, misfit in misfits.items() if misfit is None]
    if SERVING_DEFAULT in fitting:
        return SERVING_DEFAULT
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise ValueError(f"signatures {', '.join(fitting)} fit alike, and none of them is {SERVING_DEFAULT}")
    if not signatures:
        raise ValueError("it has no signature")
    raise ValueError("; ".join(f"its signature {name} {misfit}" for name, misfit in misfits.items()))


def _misfit(signature: Any, inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...]) -> str | None:
    """What of the signature is not as specified, if anything."""
    _, taken = signature.structured_input_signature
    given = signature.structured_outputs
    wanted, promised = ({spec.name for spec in specs} for specs in (inputs, outputs))
    if taken.keys() != wanted:
        return f"takes {_listed(taken)}, expected {_listed(wanted)}"
    if not given.keys() >= promised:
        return f"gives {_listed(given)}, expected {_listed(promised)}"
    for spec, tensor in [(spec, taken[spec.name]) for spec in inputs] + [(spec, given[spec.name]) for spec in outputs]:
        if tensor.dtype.name != spec.dtype:
            return f"has {spec.name} as {tensor.dtype.name}, expected {spec.dtype}"
        axes = [None if isinstance(axis, str) else axis for axis in spec.shape]
        if not tensor.shape.is_compatible_with(axes):
            return f"has {spec.name} in the shape {tensor.shape}, expected {axes}"
    return None


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"
