"""XGBoost -> ONNX by onnxmltools."""

from __future__ import annotations

from typing import Any

from exporters.exporter import Exporter
from exporters.onnx.classifier import ONNXClassifier
from models import TensorSpec
from models.packages import first_installed

_PACKAGES = ("scikit-learn", "scipy", "numpy", "onnxmltools", "skl2onnx", "onnx")


def _converted(classifier: Any, features: TensorSpec) -> Any:
    """The classifier's trees. XGBoost's thresholds are float32 in the first place."""
    from onnxmltools import convert_xgboost
    from onnxmltools.convert.common.data_types import FloatTensorType

    return convert_xgboost(classifier, initial_types=[(features.name, FloatTensorType([None, *features.shape[1:]]))])


EXPORTER: Exporter = ONNXClassifier("xgboost", _converted, (first_installed("xgboost-cpu", "xgboost"), *_PACKAGES))
