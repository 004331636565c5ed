"""PyTorch -> OpenVINO."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from exporters.exporter import Exporter
from exporters.openvino.library import openvino
from exporters.openvino.representation import PACKAGES, PRECISIONS, named, save
from exporters.quiet import quiet
from models import Model, Source


class _OpenVINO:
    """Traced by PyTorch, then converted operator by operator."""

    format = "openvino"
    framework = "pytorch"
    filename = "model"
    precisions: tuple[str, ...] = PRECISIONS
    unsupported: Mapping[str, str] = {}
    batch_sizes: tuple[int, ...] | None = None
    packages: tuple[str, ...] = ("torch", *PACKAGES)

    def write(self, model: Model, source: Source, precision: str, path: Path) -> Mapping[str, str]:
        """Write ``source`` to the folder ``path``; every symbolic axis of the specifications is dynamic."""
        from exporters.torch_export.program import example_inputs

        # OpenVINO traces with TorchScript, which torch has deprecated.
        with quiet(ignored=[r"`torch\.jit\.\w+` is deprecated"]):
            graph = openvino().convert_model(source.module, example_input=example_inputs(model, 2))
        return save(named(graph, model.inputs, model.outputs), model, precision, path)


EXPORTER: Exporter = _OpenVINO()
