"""ONNX -> OpenVINO: a user's own file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from exporters.exporter import Exporter
from exporters.openvino.library import openvino
from exporters.openvino.representation import PACKAGES, PRECISIONS, save
from models import Model, Source


class _OpenVINO:
    """Read by OpenVINO itself; names and shapes are the file's own."""

    format = "openvino"
    framework = "onnx"
    filename = "model"
    precisions: tuple[str, ...] = PRECISIONS
    unsupported: Mapping[str, str] = {}
    batch_sizes: tuple[int, ...] | None = None
    packages: tuple[str, ...] = PACKAGES

    def write(self, model: Model, source: Source, precision: str, path: Path) -> Mapping[str, str]:
        """Write the file that ``source.module`` names to the folder ``path``."""
        return save(openvino().convert_model(source.module), model, precision, path)


EXPORTER: Exporter = _OpenVINO()
