"""scikit-learn -> ONNX by skl2onnx."""

from __future__ import annotations

from typing import Any

from exporters.exporter import Exporter
from exporters.onnx.classifier import ONNXClassifier
from models import TensorSpec


def _converted(pipeline: Any, features: TensorSpec) -> Any:
    """The classifier's pipeline. Thresholds of trees are rounded so that no float32 input changes its side."""
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType

    return convert_sklearn(
        pipeline,
        initial_types=[(features.name, FloatTensorType([None, *features.shape[1:]]))],
        # Else the probabilities come as a list of dictionaries by class.
        options={id(pipeline): {"zipmap": False}},
    )


EXPORTER: Exporter = ONNXClassifier("sklearn", _converted, ("scikit-learn", "scipy", "numpy", "skl2onnx", "onnx"))
