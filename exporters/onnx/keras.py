"""Keras -> ONNX by tf2onnx."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from exporters.exporter import Exporter
from exporters.onnx.precision import PACKAGES, PRECISIONS, UNSUPPORTED, to_precision
from exporters.savedmodel.signature import input_signature
from models import Model, Source, TensorSpec
from models.frameworks.tensorflow import tensorflow

OPSET = 18
"""The newest that tf2onnx 1.17 writes."""


class _KerasONNX:
    """One ``.onnx`` file with the weights inside. It has no operator for Keras' exact GELU; written with erf it has."""

    format = "onnx"
    framework = "keras"
    filename = "model.onnx"
    precisions: tuple[str, ...] = PRECISIONS
    unsupported: Mapping[str, str] = UNSUPPORTED
    batch_sizes: tuple[int, ...] | None = None
    packages: tuple[str, ...] = ("keras", "tensorflow-cpu", "tf2onnx", *PACKAGES)

    def write(self, model: Model, source: Source, precision: str, path: Path) -> Mapping[str, str]:
        """Write ``source`` to ``path``; every symbolic axis of the specifications is dynamic, and named so."""
        tf = tensorflow()
        import onnx
        import tf2onnx

        names = [spec.name for spec in model.outputs]
        (signature,) = input_signature(model.inputs)
        tensors = list(signature.values())  # by position: tf2onnx takes no dictionary

        def serve(*arrays: Any) -> Any:
            outputs = source.module({tensor.name: array for tensor, array in zip(tensors, arrays, strict=True)})
            return {name: outputs[name] for name in names}

        function = tf.function(serve, input_signature=tensors, autograph=False)
        graph, _ = tf2onnx.convert.from_function(function, input_signature=tensors, opset=OPSET)
        _restore(graph.graph.input, model.inputs)
        _restore(graph.graph.output, model.outputs)
        onnx.save(graph, path)
        return to_precision(path, model, precision)


def _restore(values: Any, specs: tuple[TensorSpec, ...]) -> None:
    """Put inputs or outputs into the specifications' order, with their axes' names in place of tf2onnx's own."""
    by_name = {value.name: value for value in values}
    ordered = []
    for spec in specs:
        value = by_name[spec.name]
        for axis, found in zip(spec.shape, value.type.tensor_type.shape.dim, strict=True):
            if isinstance(axis, str):
                found.dim_param = axis
        ordered.append(value)
    del values[:]
    values.extend(ordered)


EXPORTER: Exporter = _KerasONNX()
