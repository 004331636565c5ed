"""Keras -> OpenVINO."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from exporters.exporter import Exporter
from exporters.openvino.library import openvino
from exporters.openvino.representation import PACKAGES, PRECISIONS, save
from models import Model, Source


class _OpenVINO:
    """Traced by TensorFlow, then converted operator by operator."""

    format = "openvino"
    framework = "keras"
    filename = "model"
    precisions: tuple[str, ...] = PRECISIONS
    unsupported: Mapping[str, str] = {}
    batch_sizes: tuple[int, ...] | None = None
    packages: tuple[str, ...] = ("tensorflow-cpu", "keras", *PACKAGES)

    def write(self, model: Model, source: Source, precision: str, path: Path) -> Mapping[str, str]:
        """Write ``source`` to the folder ``path``; the names are those of its dictionaries."""
        return save(openvino().convert_model(source.module), model, precision, path)


EXPORTER: Exporter = _OpenVINO()
