"""JAX on what ``jax.export`` has written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from exporters.checker import Compute, ModelFile
from exporters.cpu_features import cpu_features
from exporters.jax_export.sealed import unseal
from models import Tensors, TensorSpec, package_versions
from models.frameworks.native_log import without_lines
from servers.runtimes import xla
from servers.runtimes.runtime import LoadedModel, Runtime, RuntimeLoadError

_EXPECTED: Final = "a function that jax.export has written"
_DIAGNOSTICS: Final = (r"loc\(", r"<unknown>:", r"error: ", r"note: ")
"""How the lines begin that MLIR writes about a file that it cannot read; the error that is raised says it in one."""


class _Function:
    def __init__(self, call: Any, file: ModelFile, facts: Mapping[str, str]) -> None:
        self.facts = facts
        self._call = call
        self._inputs = [spec.name for spec in file.inputs]
        self._outputs = [spec.name for spec in file.outputs]

    def run(self, inputs: Tensors) -> dict[str, np.ndarray]:
        outputs = self._call(*(inputs[name] for name in self._inputs))
        return {name: np.asarray(output) for name, output in zip(self._outputs, outputs, strict=True)}


class _JAXExport:
    name = "jax-export"
    formats: tuple[str, ...] = ("jax-export",)
    platform = "jax_export"
    packages: tuple[str, ...] = ("jax", "jaxlib")
    devices: tuple[str, ...] = ("cpu", "cuda")

    def load(self, file: ModelFile, compute: Compute) -> LoadedModel:
        """Read the file and compile it for one item; every other batch size is compiled when it first comes.

        The file is a flatbuffer around StableHLO in MLIR's bytecode: reading it runs no code of its own, and no pickle
        is in it. What it can call is XLA's operations and the kernels that jaxlib registers.

        Raises:
            RuntimeLoadError: the file is not what ``jax.export`` writes, or not a function of these inputs and outputs.
            DeviceError: JAX does not have the device, or has been started without it in this process.
            MissingPackage: jax is not installed.
        """
        versions = package_versions(*self.packages, needed_for="the runtime jax-export")
        import jax
        from jax import export

        device = xla.start(self.name, compute)
        try:
            with without_lines(*_DIAGNOSTICS):
                exported = export.deserialize(bytearray(unseal(file.path.read_bytes())))
                _check("inputs", exported.in_avals, file.inputs)
                _check("outputs", exported.out_avals, file.outputs)
                # By name: JAX's default may be another device.
                call = jax.jit(exported.call, in_shardings=jax.sharding.SingleDeviceSharding(device))
                jax.block_until_ready(call(*(_one_item(spec) for spec in file.inputs)))
        # The library's errors have no common class of their own.
        except Exception as error:
            raise RuntimeLoadError(file.path, _EXPECTED, error) from error
        facts = {
            **versions,
            **xla.facts(device),
            "precision": file.precision,
            "cpu_features": ",".join(cpu_features()) or "unknown",
            "compiled_batch_sizes": "1 (others at their first request)",
        }
        return _Function(call, file, facts)


def _check(what: str, found: Any, expected: tuple[TensorSpec, ...]) -> None:
    told = [(str(aval.dtype), len(aval.shape)) for aval in found]
    wanted = [(spec.dtype, len(spec.shape)) for spec in expected]
    if told != wanted:
        raise ValueError(f"its {what} have the dtypes and ranks {told}, the manifest's {wanted}")


def _one_item(spec: TensorSpec) -> np.ndarray:
    return np.zeros([1 if isinstance(axis, str) else axis for axis in spec.shape], spec.dtype)


RUNTIME: Runtime = _JAXExport()
