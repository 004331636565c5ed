"""ONNX -> ONNX: a user's own file in other precisions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from exporters.exporter import Exporter
from exporters.onnx.precision import PACKAGES, PRECISIONS, UNSUPPORTED, to_precision
from models import Model, Source

_BY_CHANNEL = 13
"""The first opset whose DequantizeLinear has an axis."""


class _ONNX:
    """One ``.onnx`` file; what the user's keeps in files beside it comes inside."""

    format = "onnx"
    framework = "onnx"
    filename = "model.onnx"
    precisions: tuple[str, ...] = PRECISIONS
    unsupported: Mapping[str, str] = UNSUPPORTED
    batch_sizes: tuple[int, ...] | None = None
    packages: tuple[str, ...] = PACKAGES

    def write(self, model: Model, source: Source, precision: str, path: Path) -> Mapping[str, str]:
        """Write the file that ``source.module`` names to ``path``, as it is for fp32."""
        import onnx

        graph = onnx.load(source.module)
        if precision.startswith("int8-static"):
            graph = _with_scales_by_channel(graph)
        onnx.save(graph, path)
        return to_precision(path, model, precision)


def _with_scales_by_channel(graph: Any) -> Any:
    """In an opset in which a weight can have one scale a channel; users' files are often older."""
    from onnx import version_converter

    opset = next((entry.version for entry in graph.opset_import if entry.domain in ("", "ai.onnx")), _BY_CHANNEL)
    return version_converter.convert_version(graph, _BY_CHANNEL) if opset < _BY_CHANNEL else graph


EXPORTER: Exporter = _ONNX()
