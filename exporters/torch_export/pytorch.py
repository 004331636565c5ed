"""PyTorch -> torch.export."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from exporters.exporter import Exporter
from models import Model, Source


class _TorchExport:
    """One ``.pt2`` archive with the graph of ATen operators, its weights, and every batch size.

    The graph is as the module wrote it: folding and fusing are left to what runs or compiles it. An int8 graph has
    the arithmetic of the float one between roundings; only a compiler that knows the pattern makes it int8 arithmetic.
    """

    format = "torch-export"
    framework = "pytorch"
    filename = "model.pt2"
    precisions: tuple[str, ...] = ("fp32", "fp16", "bf16", "int8-dynamic", "int8-static")
    unsupported: Mapping[str, str] = {}
    batch_sizes: tuple[int, ...] | None = None
    packages: tuple[str, ...] = ("torch", "torchao")

    def write(self, model: Model, source: Source, precision: str, path: Path) -> Mapping[str, str]:
        """Write ``source`` to ``path``."""
        import torch

        from exporters.torch_export.program import program
        from exporters.torch_export.quantization import settings

        torch.export.save(program(model, source, precision), path)
        return settings(model, precision)


EXPORTER: Exporter = _TorchExport()
