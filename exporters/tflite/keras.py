"""Keras -> TensorFlow Lite, by way of a SavedModel."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from exporters.exporter import Exporter
from exporters.savedmodel.keras import EXPORTER as SAVEDMODEL
from exporters.tflite.conversion import PRECISIONS, convert
from models import Model, Source


class _KerasTFLite:
    """One ``.tflite`` file that computes any batch size.

    From the SavedModel that ``keras.export`` writes: a Keras 3 model that is wrapped in a ``tf.Module`` instead gives
    a file without its weights, which returns NaN.
    """

    format = "tflite"
    framework = "keras"
    filename = "model.tflite"
    precisions: tuple[str, ...] = PRECISIONS
    unsupported: Mapping[str, str] = {}
    batch_sizes: tuple[int, ...] | None = None
    packages: tuple[str, ...] = ("keras", "tensorflow-cpu")

    def write(self, model: Model, source: Source, precision: str, path: Path) -> Mapping[str, str]:
        """Write ``source`` to ``path``."""
        with TemporaryDirectory() as folder:
            savedmodel = Path(folder) / SAVEDMODEL.filename
            SAVEDMODEL.write(model, source, "fp32", savedmodel)
            return convert(model, savedmodel, precision, path)


EXPORTER: Exporter = _KerasTFLite()
