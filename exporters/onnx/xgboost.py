"""XGBoost -> ONNX by onnxmltools."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from exporters.exporter import Exporter
from exporters.onnx.classifier import quiet, save
from models import Model, Source
from models.packages import first_installed


class _ONNXFromXGBoost:
    """One ``.onnx`` file with a classifier's trees, any batch size."""

    format = "onnx"
    framework = "xgboost"
    filename = "model.onnx"
    precisions: tuple[str, ...] = ("fp32",)
    unsupported: Mapping[str, str] = {}
    batch_sizes: tuple[int, ...] | None = None
    packages: tuple[str, ...] = (
        first_installed("xgboost-cpu", "xgboost"),
        *("scikit-learn", "scipy", "numpy", "onnxmltools", "skl2onnx", "onnx"),
    )

    def write(
        self,
        model: Model,
        source: Source,
        precision: str,  # noqa: ARG002  # there is one
        path: Path,
    ) -> Mapping[str, str]:
        """Write ``source`` to ``path``. XGBoost's thresholds are float32 in the first place."""
        with quiet():
            from onnxmltools import convert_xgboost
            from onnxmltools.convert.common.data_types import FloatTensorType

            (features,) = model.inputs
            shape = FloatTensorType([None, *features.shape[1:]])
            return save(convert_xgboost(source.module, initial_types=[(features.name, shape)]), model, path)


EXPORTER: Exporter = _ONNXFromXGBoost()
