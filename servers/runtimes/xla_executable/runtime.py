"""XLA's executables, run by its own client."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from exporters.checker import Compute, ModelFile
from exporters.cpu_features import cpu_features
from exporters.xla_executable import executables
from models import Tensors, package_versions
from servers.runtimes import xla
from servers.runtimes.fixed_batch import FixedBatch
from servers.runtimes.runtime import DeviceError, LoadedModel, Runtime, RuntimeLoadError

_EXPECTED: Final = "XLA executables that run here"


class _Executables:
    def __init__(self, device: Any, loaded: Mapping[int, Any], file: ModelFile, facts: Mapping[str, str]) -> None:
        import jax

        self.facts = facts
        self.run = FixedBatch(self._compute, tuple(loaded)).run
        self._put = jax.device_put
        self._device = device
        self._loaded = loaded
        self._inputs = [spec.name for spec in file.inputs]
        self._outputs = [spec.name for spec in file.outputs]

    def _compute(self, inputs: Tensors) -> dict[str, np.ndarray]:
        arguments = self._put([inputs[name] for name in self._inputs], self._device)
        results = self._loaded[len(arguments[0])].execute(arguments)
        return {name: np.asarray(result) for name, result in zip(self._outputs, results, strict=True)}


class _XLAExecutable:
    name = "xla-executable"
    formats: tuple[str, ...] = ("xla-executable",)
    platform = "xla_executable"
    packages: tuple[str, ...] = ("jax", "jaxlib")
    devices: tuple[str, ...] = ("cpu",)

    def load(self, file: ModelFile, compute: Compute) -> LoadedModel:
        """Load every batch size's executable. It is machine code: load it only from where it can be trusted.

        Raises:
            RuntimeLoadError: the folder is damaged, or compiled for another jaxlib, processor or model.
            DeviceError: another device than the CPU, which they are compiled for.
            MissingPackage: jax is not installed.
        """
        versions = package_versions(*self.packages, needed_for="the runtime xla-executable")
        if compute.device != "cpu":
            raise DeviceError(self.name, compute.device, "its executables are compiled for the CPU")
        device = xla.start(self.name, compute)
        try:
            header, contents = executables.read(file.path)
            if (header.inputs, header.outputs) != (file.inputs, file.outputs):
                raise executables.ExecutablesError("its inputs and outputs are not the manifest's")
            loaded = {
                size: device.client.deserialize_executable(content, executable_devices=[device])
                for size, content in contents.items()
            }
        except (executables.ExecutablesError, RuntimeError, ValueError) as error:
            raise RuntimeLoadError(file.path, _EXPECTED, error) from error
        facts = {
            **versions,
            **xla.facts(device),
            "precision": file.precision,
            "cpu_features": ",".join(cpu_features()) or "unknown",
            "compiled_batch_sizes": ",".join(map(str, loaded)),
        }
        return _Executables(device, loaded, file, facts)


RUNTIME: Runtime = _XLAExecutable()
