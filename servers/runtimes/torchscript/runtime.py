"""TorchScript on the CPU."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from exporters.checker import Compute, ModelFile
from models import Tensors, package_versions
from servers.runtimes.runtime import LoadedModel, Runtime, RuntimeLoadError


class _Module:
    def __init__(
        self, torch: Any, module: Any, inputs: list[str], outputs: list[str], facts: Mapping[str, str]
    ) -> None:
        self.facts = facts
        self._tensor = torch.from_numpy
        self._single = torch.Tensor
        self._inference_mode = torch.inference_mode
        self._module = module
        self._inputs = inputs
        self._outputs = outputs

    def run(self, inputs: Tensors) -> dict[str, np.ndarray]:
        with self._inference_mode():
            results = self._module(*[self._tensor(_writable(inputs[name])) for name in self._inputs])
        if isinstance(results, self._single):
            results = (results,)
        return {name: result.numpy() for name, result in zip(self._outputs, results, strict=True)}


class _TorchScript:
    name = "torchscript"
    formats: tuple[str, ...] = ("torchscript",)
    platform = "pytorch_torchscript"
    packages: tuple[str, ...] = ("torch",)

    devices: tuple[str, ...] = ("cpu",)

    def load(self, file: ModelFile, compute: Compute) -> LoadedModel:
        """Load a TorchScript file. A trace knows no names: inputs and outputs go by the specifications' order.

        torch has one thread count for the whole process: the last model loaded sets it.

        Raises:
            RuntimeLoadError: the file is not TorchScript.
            MissingPackage: torch is not installed.
        """
        versions = package_versions(*self.packages, needed_for="the runtime torchscript")
        import torch

        torch.set_num_threads(compute.threads)
        if torch.get_num_interop_threads() != 1:
            torch.set_num_interop_threads(1)
        try:
            with warnings.catch_warnings():
                # TorchScript is deprecated in favour of torch.export, and is still what many servers load.
                warnings.filterwarnings(
                    "ignore", message=r"`torch\.jit\.load` is deprecated", category=DeprecationWarning
                )
                module = torch.jit.load(file.path, map_location="cpu")
        except (RuntimeError, ValueError, OSError) as error:
            raise RuntimeLoadError(file.path, "a TorchScript model", error) from error
        facts = {
            **versions,
            "device": "cpu",
            "cpu_capability": torch.backends.cpu.get_cpu_capability(),
            "onednn": "on" if torch.backends.mkldnn.is_available() else "off",
            "intra_op_threads": str(torch.get_num_threads()),
            "inter_op_threads": str(torch.get_num_interop_threads()),
        }
        return _Module(torch, module, [spec.name for spec in file.inputs], [spec.name for spec in file.outputs], facts)


def _writable(array: np.ndarray) -> np.ndarray:
    """An array that torch may own: a request's bytes are read-only, and an in-place operation would write to them."""
    return array if array.flags.writeable else array.copy()


RUNTIME: Runtime = _TorchScript()
