"""scikit-learn -> ONNX by skl2onnx."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from exporters.exporter import Exporter
from exporters.onnx.classifier import quiet, save
from models import Model, Source


class _ONNXFromSklearn:
    """One ``.onnx`` file with a classifier's pipeline, any batch size."""

    format = "onnx"
    framework = "sklearn"
    filename = "model.onnx"
    precisions: tuple[str, ...] = ("fp32",)
    unsupported: Mapping[str, str] = {}
    batch_sizes: tuple[int, ...] | None = None
    packages: tuple[str, ...] = ("scikit-learn", "scipy", "numpy", "skl2onnx", "onnx")

    def write(
        self,
        model: Model,
        source: Source,
        precision: str,  # noqa: ARG002  # there is one
        path: Path,
    ) -> Mapping[str, str]:
        """Write ``source`` to ``path``. Thresholds of trees are rounded so that no float32 input changes its side."""
        with quiet():
            from skl2onnx import convert_sklearn
            from skl2onnx.common.data_types import FloatTensorType

            (features,) = model.inputs
            converted = convert_sklearn(
                source.module,
                initial_types=[(features.name, FloatTensorType([None, *features.shape[1:]]))],
                # Else the probabilities come as a list of dictionaries by class.
                options={id(source.module): {"zipmap": False}},
            )
            return save(converted, model, path)


EXPORTER: Exporter = _ONNXFromSklearn()
