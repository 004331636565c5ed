"""A PyTorch module that computes in another floating-point type than its inputs and outputs have."""

from __future__ import annotations

import copy
from typing import Any

import torch

DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
"""torch's types by the name of the precision."""


class _Cast(torch.nn.Module):  # type: ignore[misc]  # torch is untyped here
    def __init__(self, module: torch.nn.Module, dtype: torch.dtype) -> None:
        super().__init__()
        self.module = module.to(dtype)
        self.dtype = dtype

    def forward(self, *inputs: torch.Tensor) -> Any:
        outputs = self.module(*(tensor.to(self.dtype) if tensor.is_floating_point() else tensor for tensor in inputs))
        if isinstance(outputs, torch.Tensor):
            return outputs.float()
        return tuple(tensor.float() if tensor.is_floating_point() else tensor for tensor in outputs)


def in_precision(module: torch.nn.Module, precision: str) -> torch.nn.Module:
    """``module`` with its parameters and arithmetic in ``precision`` and float32 inputs and outputs.

    Integer inputs and outputs stay as they are, and ``module`` itself is not changed. For a precision that is no
    floating-point type it is ``module``: quantization starts from fp32.
    """
    dtype = DTYPES.get(precision, torch.float32)
    return module if dtype == torch.float32 else _Cast(copy.deepcopy(module), dtype).eval()
