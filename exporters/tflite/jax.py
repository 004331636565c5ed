"""JAX -> TensorFlow Lite, by way of jax2tf's SavedModel."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from exporters.exporter import Exporter
from exporters.savedmodel.jax import write_savedmodel
from exporters.tflite.conversion import PRECISIONS, convert
from models import Model, Source

_BATCH = 1


class _JAXTFLite:
    """One ``.tflite`` file of batch size 1.

    With a symbolic batch the converter keeps a computed shape and a broadcast around every addition: digits then has
    58 operations in place of 8, which the delegate takes in five parts, and int8 loses more.
    """

    format = "tflite"
    framework = "jax"
    filename = "model.tflite"
    precisions: tuple[str, ...] = PRECISIONS
    unsupported: Mapping[str, str] = {}
    batch_sizes: tuple[int, ...] | None = (_BATCH,)
    packages: tuple[str, ...] = ("jax", "jaxlib", "tensorflow-cpu")

    def write(self, model: Model, source: Source, precision: str, path: Path) -> Mapping[str, str]:
        """Write ``source`` to ``path``."""
        with TemporaryDirectory() as folder:
            write_savedmodel(model, source.module, Path(folder), batch=_BATCH)
            return convert(model, Path(folder), precision, path)


EXPORTER: Exporter = _JAXTFLite()
