"""SavedModel -> TensorFlow Lite, in every precision."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from exporters.quiet import quiet
from models import Model
from models.frameworks.native_log import without_lines
from models.frameworks.tensorflow import tensorflow

PRECISIONS = ("fp32", "fp16", "int8-dynamic", "int8-static")

INTERPRETER_WARNING = r"\s*Warning: tf.lite.Interpreter is deprecated"
"""The beginning of what TensorFlow says where a library of its own or another's runs a file with it."""

_SETTINGS: dict[str, dict[str, str]] = {
    "fp32": {},
    "fp16": {"weights": "float16", "activations": "float32"},
    "int8-dynamic": {"weights": "int8", "activations": "float32 between operations"},
    "int8-static": {"weights": "int8, per channel", "activations": "int8"},
}


def convert(model: Model, folder: Path, precision: str, path: Path) -> Mapping[str, str]:
    """Convert the SavedModel ``folder`` and write it to ``path``. Returns settings for the manifest.

    Inputs and outputs keep their dtypes; ``int8-static`` has integer kernels only between the two, and fails where the
    model has an operation without one.
    """
    tf = tensorflow()
    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder))
    if precision != "fp32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if precision == "fp16":
        converter.target_spec.supported_types = [tf.float16]
    if precision == "int8-static":
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.representative_dataset = lambda: _items(model)
    # The converter's own calibration runs on that interpreter.
    with quiet(ignored=[INTERPRETER_WARNING]), without_lines("fully_quantize: "):
        path.write_bytes(converter.convert())
    return _SETTINGS[precision]


def _items(model: Model) -> Iterator[dict[str, np.ndarray]]:
    assert model.calibration is not None, "an export without one is refused"
    inputs = model.calibration()
    for item in range(len(next(iter(inputs.values())))):
        yield {name: array[item : item + 1] for name, array in inputs.items()}
