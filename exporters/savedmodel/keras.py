"""Keras -> SavedModel by ``keras.export.ExportArchive``, which is what ``model.export`` uses."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from exporters.exporter import FLOATING_POINT, Exporter
from exporters.savedmodel.signature import SERVING_DEFAULT, input_signature
from models import Model, Source
from models.frameworks.tensorflow import onednn_enabled, tensorflow


class _KerasSavedModel:
    """A folder whose only signature, ``serving_default``, has the model's names and any batch size.

    The archive keeps every variable twice, once in the order of the layers and once by kind.
    """

    format = "savedmodel"
    framework = "keras"
    filename = "model"
    precisions: tuple[str, ...] = ("fp32", "fp16", "bf16")
    unsupported: Mapping[str, str] = {}
    batch_sizes: tuple[int, ...] | None = None
    packages: tuple[str, ...] = ("keras", "tensorflow-cpu")

    def write(self, model: Model, source: Source, precision: str, path: Path) -> Mapping[str, str]:
        """Write ``source`` to the folder ``path``.

        In ``fp16`` and ``bf16`` every layer has its variables in that type, and computes in it.
        """
        tensorflow()
        import keras

        module = source.module if precision == "fp32" else in_precision(source.module, FLOATING_POINT[precision])
        names = [spec.name for spec in model.outputs]
        dtypes = {spec.name: spec.dtype for spec in model.outputs}

        def serve(inputs: Any) -> Any:
            outputs = module(inputs, training=False)
            return {name: keras.ops.cast(outputs[name], dtypes[name]) for name in names}

        archive = keras.export.ExportArchive()
        archive.track(module)
        archive.add_endpoint(SERVING_DEFAULT, serve, input_signature=input_signature(model.inputs))
        archive.write_out(str(path), verbose=False)
        return {"signature": SERVING_DEFAULT, "variables": "each stored twice", "onednn": _state(onednn_enabled())}


def in_precision(module: Any, dtype: str) -> Any:
    """A copy of a functional ``keras.Model`` whose layers keep their variables and compute in ``dtype``."""
    import keras

    def converted(layer: Any) -> Any:
        if not isinstance(layer, keras.layers.Layer):
            return layer  # an operation without state: it computes in its inputs' dtype
        return type(layer).from_config({**layer.get_config(), "dtype": dtype})

    before = keras.config.dtype_policy()
    # For layers that a layer of the model's own makes inside.
    keras.config.set_dtype_policy(dtype)
    try:
        copy = keras.models.clone_model(module, clone_function=converted)
    finally:
        keras.config.set_dtype_policy(before)
    copy.set_weights(module.get_weights())
    return copy


def _state(on: bool) -> str:
    return "on" if on else "off"


EXPORTER: Exporter = _KerasSavedModel()
