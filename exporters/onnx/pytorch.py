"""PyTorch -> ONNX by the exporter that builds on ``torch.export`` ("dynamo")."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from exporters.exporter import Exporter
from exporters.onnx.precision import PACKAGES, PRECISIONS, UNSUPPORTED, to_precision
from models import Model, Source


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

        pool = model.requests()
        # Two items: torch.export takes an axis of length 1 for a fixed one.
        examples = tuple(torch.tensor(pool[spec.name][:2]) for spec in model.inputs)
        axes = {axis: torch.export.Dim(axis) for spec in model.inputs for axis in spec.shape if isinstance(axis, str)}
        with _quiet():
            torch.onnx.export(
                source.module,
                examples,
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


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep away what torch says about its own insides and no user can act on."""
    # "torchvision is not installed. Skipping torchvision::nms", four times an export.
    registration = logging.getLogger("torch.onnx._internal.exporter._registration")
    level = registration.level
    registration.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            # torch's own copy of its own tree specification.
            warnings.filterwarnings("ignore", message=r"`isinstance\(treespec, LeafSpec\)`", category=FutureWarning)
            # Two inputs with the same axis, which is what the specifications mean.
            warnings.filterwarnings("ignore", message="# The axis name: .* shares the same shape", category=UserWarning)
            yield
    finally:
        registration.setLevel(level)


EXPORTER: Exporter = _ONNX()
