"""What every runtime of PyTorch has in common: numpy in, tensors, numpy out, on a device with so many threads."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from exporters.checker import Compute, ModelFile
from models import Tensors, package_versions
from servers.runtimes.fixed_batch import FixedBatch
from servers.runtimes.runtime import DeviceError

_INSTRUCTIONS = ("avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_int8", "amx_bf16", "amx_fp16")
"""Those that make reduced precisions fast."""


class TorchModel:
    """A loaded model.

    Args:
        call: from tensors on the device, in the order of the inputs, one tensor or several in the order of the outputs.
        file: whose specifications name the inputs and outputs.
        device: that the tensors go to.
        facts: what really runs.
        batch_sizes: those that ``call`` computes, from which any other is put together; None for those of the file.
    """

    def __init__(
        self,
        call: Callable[..., Any],
        *,
        file: ModelFile,
        device: str,
        facts: Mapping[str, str],
        batch_sizes: Sequence[int] | None = None,
    ) -> None:
        import torch

        self.facts = facts
        self.run: Callable[[Tensors], dict[str, np.ndarray]] = self._compute
        if (sizes := batch_sizes or file.batch_sizes) is not None:
            self.run = FixedBatch(self._compute, sizes).run
        self._call = call
        self._device = None if device == "cpu" else device
        self._tensor = torch.from_numpy
        self._single = torch.Tensor
        self._inference_mode = torch.inference_mode
        self._inputs = [spec.name for spec in file.inputs]
        self._outputs = [spec.name for spec in file.outputs]

    def _compute(self, inputs: Tensors) -> dict[str, np.ndarray]:
        tensors = [self._tensor(_owned(inputs[name])) for name in self._inputs]
        with self._inference_mode():
            if self._device is not None:
                tensors = [tensor.to(self._device) for tensor in tensors]
            results = self._call(*tensors)
            if isinstance(results, self._single):
                results = (results,)
            return {name: result.cpu().numpy() for name, result in zip(self._outputs, results, strict=True)}


def start_torch(runtime: str, packages: tuple[str, ...], file: ModelFile, compute: Compute) -> dict[str, str]:
    """Import torch, set what holds for the whole process, and tell the facts.

    torch has one thread count for the process: the last model loaded sets it.

    Raises:
        DeviceError: the device is not to be had.
        MissingPackage: a package is not installed.
    """
    versions = package_versions(*packages, needed_for=f"the runtime {runtime}")
    import torch

    torch.set_num_threads(compute.threads)
    if torch.get_num_interop_threads() != 1:
        torch.set_num_interop_threads(1)
    facts = {
        **versions,
        "device": compute.device,
        "precision": file.precision,
        "intra_op_threads": str(torch.get_num_threads()),
        "inter_op_threads": str(torch.get_num_interop_threads()),
        # OpenMP's, which no interface of torch tells or sets.
        "intra_op_spinning": "off" if os.environ.get("OMP_WAIT_POLICY", "").upper() == "PASSIVE" else "on",
    }
    if compute.device == "cuda":
        return {**facts, **_start_cuda(runtime, torch)}
    has = torch.cpu.get_capabilities()
    return {
        **facts,
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "cpu_instructions": " ".join(name for name in _INSTRUCTIONS if has.get(name)) or "none for reduced precisions",
        "onednn": "on" if torch.backends.mkldnn.is_available() else "off",
    }


def _start_cuda(runtime: str, torch: Any) -> dict[str, str]:
    if torch.version.cuda is None:
        raise DeviceError(runtime, "cuda", f"torch {torch.__version__} is built without CUDA")
    if not torch.cuda.is_available():
        raise DeviceError(runtime, "cuda", f"torch {torch.__version__} sees no NVIDIA GPU and driver")
    # Convolutions would otherwise round their float32 inputs to 10 bits of mantissa.
    torch.backends.cudnn.allow_tf32 = False
    return {"gpu": torch.cuda.get_device_name(), "cuda": torch.version.cuda, "tf32": "off"}


def _owned(array: np.ndarray) -> np.ndarray:
    """An array that torch may own and compiled code may read: in C order, aligned, and not a request's own bytes,
    which are read-only and which an operation in place would write to."""
    return array if array.flags.carray else array.copy(order="C")
