"""PyTorch -> TorchScript by tracing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from exporters.exporter import Exporter
from exporters.quiet import quiet
from models import Model, Source


class _TorchScript:
    """One ``.pt`` file, traced and frozen.

    Frozen, because then the weights are constants and batch normalization is folded into the convolutions, as the
    ONNX exporter does it too: formats are compared at the same level of preparation. Freezing is exact algebra and
    bound to no processor, unlike ``optimize_for_inference``, which belongs to the process that serves.
    """

    format = "torchscript"
    framework = "pytorch"
    filename = "model.pt"
    precisions: tuple[str, ...] = ("fp32", "fp16", "bf16")
    unsupported: Mapping[str, str] = {}
    batch_sizes: tuple[int, ...] | None = None
    packages: tuple[str, ...] = ("torch",)

    def write(self, model: Model, source: Source, precision: str, path: Path) -> Mapping[str, str]:
        """Write ``source`` to ``path``; a trace keeps every axis dynamic that the module's code does not fix."""
        import torch

        from exporters.torch_export.casting import in_precision
        from exporters.torch_export.program import example_inputs

        module, examples = in_precision(source.module, precision), example_inputs(model, 2)
        # TorchScript is deprecated in favour of torch.export, and is still what many servers load.
        with quiet(ignored=[r"`torch\.jit\.\w+` is deprecated"]):
            # The trace is not checked here: every export is, against its source, at three batch sizes.
            with torch.inference_mode():
                module = torch.jit.freeze(torch.jit.trace(module, examples, check_trace=False))
            torch.jit.save(module, path)
        return {}


EXPORTER: Exporter = _TorchScript()
