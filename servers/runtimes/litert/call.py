"""How a TensorFlow Lite model is called by the names of its inputs and outputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from exporters.savedmodel.signature import SERVING_DEFAULT
from models import Tensors, TensorSpec

Call = Callable[[Tensors], dict[str, np.ndarray]]
"""Computes outputs by name, as copies."""


def call(interpreter: Any, inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...]) -> Call:
    """A function that computes outputs by name, from one signature of the model, or from the names of its tensors.

    Of several signatures it is ``serving_default``, else the only one that fits. A model without any, as older
    converters write it, has the names of its tensors.

    Raises:
        ValueError: nothing in the model has these inputs and outputs.
    """
    signatures = interpreter.get_signature_list()
    fitting = [
        name for name, tensors in signatures.items() if _fit(tensors["inputs"], tensors["outputs"], inputs, outputs)
    ]
    if signatures:
        name = SERVING_DEFAULT if SERVING_DEFAULT in fitting or len(fitting) != 1 else fitting[0]
        if name not in fitting:
            raise ValueError(f"none of its signatures {_described(signatures)} has {_wanted(inputs, outputs)}")
        runner = interpreter.get_signature_runner(name)
        _check_dtypes(inputs, runner.get_input_details())
        _check_dtypes(outputs, runner.get_output_details())
        return lambda tensors: _by_signature(runner, outputs, tensors)
    taken = {tensor["name"]: tensor for tensor in interpreter.get_input_details()}
    given = {tensor["name"]: tensor for tensor in interpreter.get_output_details()}
    if not _fit(list(taken), list(given), inputs, outputs):
        tensors = {"tensors": {"inputs": list(taken), "outputs": list(given)}}
        raise ValueError(f"it has no signature, and its {_described(tensors)} are not {_wanted(inputs, outputs)}")
    _check_dtypes(inputs, taken)
    _check_dtypes(outputs, given)
    return lambda tensors: _by_tensors(interpreter, taken, given, outputs, tensors)


def _by_signature(runner: Any, outputs: tuple[TensorSpec, ...], tensors: Tensors) -> dict[str, np.ndarray]:
    results = runner(**tensors)
    return {spec.name: results[spec.name] for spec in outputs}


def _by_tensors(
    interpreter: Any, taken: Any, given: Any, outputs: tuple[TensorSpec, ...], tensors: Tensors
) -> dict[str, np.ndarray]:
    for name, array in tensors.items():
        interpreter.resize_tensor_input(taken[name]["index"], array.shape)
    interpreter.allocate_tensors()
    for name, array in tensors.items():
        interpreter.set_tensor(taken[name]["index"], array)
    interpreter.invoke()
    return {spec.name: interpreter.get_tensor(given[spec.name]["index"]) for spec in outputs}


def _fit(taken: list[str], given: list[str], inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...]) -> bool:
    return set(taken) == {spec.name for spec in inputs} and set(given) >= {spec.name for spec in outputs}


def _check_dtypes(specs: tuple[TensorSpec, ...], tensors: Any) -> None:
    for spec in specs:
        found = np.dtype(tensors[spec.name]["dtype"])
        if found != np.dtype(spec.dtype):
            raise ValueError(f"tensor {spec.name!r} has dtype {found}, expected {spec.dtype}")


def _described(signatures: Any) -> str:
    return "; ".join(
        f"{name} ({', '.join(tensors['inputs'])} -> {', '.join(tensors['outputs'])})"
        for name, tensors in signatures.items()
    )


def _wanted(inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...]) -> str:
    return f"{', '.join(spec.name for spec in inputs)} -> {', '.join(spec.name for spec in outputs)}"
