"""LightGBM -> ONNX by onnxmltools."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from exporters.exporter import Exporter
from exporters.onnx.classifier import quiet, save
from models import Model, Source


class _ONNXFromLightGBM:
    """One ``.onnx`` file with a classifier's trees, any batch size."""

    format = "onnx"
    framework = "lightgbm"
    filename = "model.onnx"
    precisions: tuple[str, ...] = ("fp32",)
    unsupported: Mapping[str, str] = {}
    batch_sizes: tuple[int, ...] | None = None
    packages: tuple[str, ...] = ("lightgbm", "scikit-learn", "scipy", "numpy", "onnxmltools", "skl2onnx", "onnx")

    def write(
        self,
        model: Model,
        source: Source,
        precision: str,  # noqa: ARG002  # there is one
        path: Path,
    ) -> Mapping[str, str]:
        """Write ``source`` to ``path``, with thresholds that float32 inputs fall on the same side of."""
        with quiet():
            from onnxmltools import convert_lightgbm
            from onnxmltools.convert.common.data_types import FloatTensorType

            (features,) = model.inputs
            converted = convert_lightgbm(
                _rounded_down(source.module.booster_),
                initial_types=[(features.name, FloatTensorType([None, *features.shape[1:]]))],
                # Else the probabilities come as a list of dictionaries by class.
                zipmap=False,
            )
            return save(converted, model, path)


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


EXPORTER: Exporter = _ONNXFromLightGBM()
