"""A model's own PyTorch code, compiled at load, with weights from a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from exporters.checker import Compute, ModelFile
from exporters.torch_weights.pytorch import MODEL
from models import MODELS, TailbedError
from models.weights import Weights
from servers.runtimes.inductor import compiled
from servers.runtimes.runtime import LoadedModel, Runtime, RuntimeLoadError
from servers.runtimes.torch_module import start_torch


class _TorchCompile:
    name = "torch-compile"
    formats: tuple[str, ...] = ("torch-weights",)
    platform = "pytorch_compile"
    packages: tuple[str, ...] = ("torch", "safetensors")
    devices: tuple[str, ...] = ("cpu", "cuda")

    def load(self, file: ModelFile, compute: Compute) -> LoadedModel:
        """Build the model that the file's header names, with its weights, and compile it.

        Raises:
            RuntimeLoadError: the file is no safetensors file of weights of a model that there is.
            DeviceError: the device is not to be had.
            MissingPackage: torch or safetensors is not installed.
            MissingCompiler: there is no C++ compiler.
        """
        facts = start_torch(self.name, self.packages, file, compute)
        from exporters.torch_export.casting import in_precision

        try:
            module = _build(file.path)
        # What the model's own code raises for weights that are not its own can be of any type.
        except Exception as error:
            raise RuntimeLoadError(file.path, "a safetensors file of a model's weights", error) from error
        module = in_precision(module, file.precision).to(compute.device)
        return compiled(module, runtime=self.name, file=file, compute=compute, facts=facts)


def _build(path: Path) -> Any:
    from safetensors import safe_open

    with safe_open(path, framework="pt") as stored:
        name = (stored.metadata() or {}).get(MODEL)
        if name is None:
            raise TailbedError(f"its header has no key {MODEL!r} with the model's name")
        tensors = {key: stored.get_tensor(key) for key in stored.keys()}  # noqa: SIM118  # it is no mapping
    # Numpy has no bf16; float32 has all of its values.
    wide = {key: tensor.float() if tensor.is_floating_point() else tensor for key, tensor in tensors.items()}
    arrays = {key: tensor.numpy() for key, tensor in wide.items()}
    # No checksum, which nothing here asks for: it would read the whole file once more in every cold start.
    weights = Weights(arrays, sha256="", origin=f"file {path.name}")
    return MODELS.get(name).build("pytorch", weights).module


RUNTIME: Runtime = _TorchCompile()
