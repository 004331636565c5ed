"""PyTorch -> safetensors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from exporters.exporter import Exporter
from models import Model, Source

MODEL = "model"
"""The key of the model's name in the file's header."""


class _TorchWeights:
    """One ``.safetensors`` file with the module's parameters and buffers, and in its header the model's name.

    It holds no graph: who loads it takes the architecture from the model of that name.
    """

    format = "torch-weights"
    framework = "pytorch"
    filename = "model.safetensors"
    precisions: tuple[str, ...] = ("fp32", "bf16")
    unsupported: Mapping[str, str] = {}
    batch_sizes: tuple[int, ...] | None = None
    packages: tuple[str, ...] = ("torch", "safetensors")

    def write(self, model: Model, source: Source, precision: str, path: Path) -> Mapping[str, str]:
        """Write ``source`` to ``path``."""
        import torch
        from safetensors.torch import save_file

        from exporters.torch_export.casting import DTYPES

        dtype = DTYPES[precision]
        tensors = {name: torch.tensor(array) for name, array in source.weights.tensors.items()}
        cast = {name: tensor.to(dtype) if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}
        save_file(cast, path, metadata={MODEL: model.name})
        return {"architecture": f"{model.package}.pytorch"}


EXPORTER: Exporter = _TorchWeights()
