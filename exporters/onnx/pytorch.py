"""PyTorch -> ONNX by the exporter that builds on ``torch.export`` ("dynamo")."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

from exporters.exporter import Exporter
from exporters.onnx.precision import PACKAGES, PRECISIONS, UNSUPPORTED, to_precision
from exporters.quiet import quiet
from models import Model, Source

# "torchvision is not installed. Skipping torchvision::nms", four times an export.
_REGISTRATION = "torch.onnx._internal.exporter._registration"
_OWN_WARNINGS = (
    # torch's own copy of its own tree specification.
    r"`isinstance\(treespec, LeafSpec\)`",
    # Two inputs with the same axis, which is what the specifications mean.
    "# The axis name: .* shares the same shape",
)


class _ONNX:
    """One ``.onnx`` file with the weights inside, in the opset that the exporter prefers."""

    format = "onnx"
    framework = "pytorch"
    filename = "model.onnx"
    precisions: tuple[str, ...] = PRECISIONS
    unsupported: Mapping[str, str] = UNSUPPORTED
    batch_sizes: tuple[int, ...] | None = None
    packages: tuple[str, ...] = ("torch", "onnxscript", *PACKAGES)

    def write(self, model: Model, source: Source, precision: str, path: Path) -> Mapping[str, str]:
        """Write ``source`` to ``path``; every symbolic axis of the specifications is dynamic, and named so."""
        import torch

        from exporters.torch_export.program import example_inputs

        axes = {axis: torch.export.Dim(axis) for spec in model.inputs for axis in spec.shape if isinstance(axis, str)}
        with quiet(_REGISTRATION, below=logging.ERROR, ignored=_OWN_WARNINGS):
            torch.onnx.export(
                source.module,
                example_inputs(model, 2),  # two items: torch.export takes an axis of length 1 for a fixed one
                path,
                dynamo=True,
                input_names=[spec.name for spec in model.inputs],
                output_names=[spec.name for spec in model.outputs],
                dynamic_shapes=tuple(
                    {index: axes[axis] for index, axis in enumerate(spec.shape) if isinstance(axis, str)}
                    for spec in model.inputs
                ),
                external_data=False,
                verbose=False,
            )
        return to_precision(path, model, precision)


EXPORTER: Exporter = _ONNX()
