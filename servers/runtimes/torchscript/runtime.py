"""TorchScript."""

from __future__ import annotations

import warnings

from exporters.checker import Compute, ModelFile
from servers.runtimes.runtime import LoadedModel, Runtime, RuntimeLoadError
from servers.runtimes.torch_module import TorchModel, start_torch


class _TorchScript:
    name = "torchscript"
    formats: tuple[str, ...] = ("torchscript",)
    platform = "pytorch_torchscript"
    packages: tuple[str, ...] = ("torch",)
    devices: tuple[str, ...] = ("cpu", "cuda")

    def load(self, file: ModelFile, compute: Compute) -> LoadedModel:
        """Load a TorchScript file. A trace knows no names: inputs and outputs go by the specifications' order.

        Raises:
            RuntimeLoadError: the file is not TorchScript.
            DeviceError: the device is not to be had.
            MissingPackage: torch is not installed.
        """
        facts = start_torch(self.name, self.packages, file, compute)
        import torch

        try:
            with warnings.catch_warnings():
                # TorchScript is deprecated in favour of torch.export, and is still what many servers load.
                warnings.filterwarnings(
                    "ignore", message=r"`torch\.jit\.load` is deprecated", category=DeprecationWarning
                )
                module = torch.jit.load(file.path, map_location=compute.device)
        except (RuntimeError, ValueError, OSError) as error:
            raise RuntimeLoadError(file.path, "a TorchScript model", error) from error
        return TorchModel(module, file=file, device=compute.device, facts=facts)


RUNTIME: Runtime = _TorchScript()
