"""JAX -> ONNX by way of TensorFlow Lite."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from exporters.exporter import Exporter
from exporters.onnx.keras import OPSET
from exporters.onnx.precision import PACKAGES, PRECISIONS, UNSUPPORTED, to_precision
from exporters.quiet import quiet
from exporters.tflite.conversion import INTERPRETER_WARNING
from exporters.tflite.jax import EXPORTER as TFLITE
from models import Model, Source
from models.frameworks.native_log import without_lines
from models.frameworks.tensorflow import tensorflow


class _JAXONNX:
    """One ``.onnx`` file of batch size 1.

    jax2tf writes StableHLO in one operation now, which tf2onnx does not know, and no longer TensorFlow's own. Only
    TensorFlow Lite's converter takes that apart; with a symbolic batch it leaves shapes to be computed and broadcasts
    that keep ONNX Runtime from fusing anything.
    """

    format = "onnx"
    framework = "jax"
    filename = "model.onnx"
    precisions: tuple[str, ...] = PRECISIONS
    unsupported: Mapping[str, str] = UNSUPPORTED
    batch_sizes: tuple[int, ...] | None = TFLITE.batch_sizes
    packages: tuple[str, ...] = (*TFLITE.packages, "ai-edge-litert", "tf2onnx", *PACKAGES)

    def write(self, model: Model, source: Source, precision: str, path: Path) -> Mapping[str, str]:
        """Write ``source`` to ``path``."""
        tensorflow()
        import onnx
        import tf2onnx

        with TemporaryDirectory() as folder:
            tflite = Path(folder) / TFLITE.filename
            TFLITE.write(model, source, "fp32", tflite)
            created = "INFO: Created TensorFlow Lite XNNPACK delegate"
            # tf2onnx reads the file with that interpreter.
            with quiet(ignored=[INTERPRETER_WARNING]), without_lines(created):
                converted, _ = tf2onnx.convert.from_tflite(str(tflite), opset=OPSET)
                inputs, outputs = _names(tflite)
        graph = converted.graph
        _rename(graph, inputs | outputs)
        _order(graph.input, [spec.name for spec in model.inputs])
        _order(graph.output, [spec.name for spec in model.outputs])
        onnx.save(converted, path)
        return {"by_way_of": "tflite", **to_precision(path, model, precision)}


def _names(tflite: Path) -> tuple[dict[str, str], dict[str, str]]:
    """What the signature calls the tensors of inputs and outputs, by their names in the file."""
    from ai_edge_litert.interpreter import Interpreter

    signature = Interpreter(str(tflite)).get_signature_runner()
    return (
        {tensor["name"]: name for name, tensor in signature.get_input_details().items()},
        {tensor["name"]: name for name, tensor in signature.get_output_details().items()},
    )


def _rename(graph: Any, names: Mapping[str, str]) -> None:
    for node in graph.node:
        for tensors in (node.input, node.output):
            tensors[:] = [names.get(tensor, tensor) for tensor in tensors]
    for value in (*graph.input, *graph.output, *graph.value_info):
        value.name = names.get(value.name, value.name)


def _order(values: Any, names: list[str]) -> None:
    by_name = {value.name: value for value in values}
    del values[:]
    values.extend(by_name[name] for name in names)


EXPORTER: Exporter = _JAXONNX()
