"""LightGBM -> ONNX by onnxmltools."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from exporters.exporter import Exporter
from exporters.onnx.classifier import ONNXClassifier
from models import TensorSpec

_PACKAGES = ("lightgbm", "scikit-learn", "scipy", "numpy", "onnxmltools", "skl2onnx", "onnx")


def _converted(classifier: Any, features: TensorSpec) -> Any:
    """The classifier's trees, with thresholds that float32 inputs fall on the same side of."""
    from onnxmltools import convert_lightgbm
    from onnxmltools.convert.common.data_types import FloatTensorType

    return convert_lightgbm(
        _rounded_down(classifier.booster_),
        initial_types=[(features.name, FloatTensorType([None, *features.shape[1:]]))],
        # Else the probabilities come as a list of dictionaries by class.
        zipmap=False,
    )


def _rounded_down(booster: Any) -> Any:
    """The booster with its thresholds rounded down to float32.

    LightGBM goes left where ``x <= threshold``, with a double for the threshold. ONNX has a float32 there, and the
    converter takes the nearest: where that is above the double, an ``x`` equal to it goes the other way. The largest
    float32 that is not above the double parts all float32 just as the double does.
    """
    from lightgbm import Booster

    def rounded(line: re.Match[str]) -> str:
        doubles = np.array(line[1].split(), dtype=np.float64)
        nearest = doubles.astype(np.float32)
        down = np.where(nearest > doubles, np.nextafter(nearest, np.float32(-np.inf)), nearest)
        return "threshold=" + " ".join(repr(float(threshold)) for threshold in down)

    # A text is the only face through which LightGBM's trees can be changed. Without the trees' lengths, which would no
    # longer be right, it finds their ends by itself; with wrong ones it aborts the process.
    text = re.sub(r"^tree_sizes=.*\n", "", booster.model_to_string(), flags=re.MULTILINE)
    return Booster(model_str=re.sub(r"^threshold=(.*)$", rounded, text, flags=re.MULTILINE))


EXPORTER: Exporter = ONNXClassifier("lightgbm", _converted, _PACKAGES)
