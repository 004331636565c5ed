"""ONNX Runtime on the CPU or an NVIDIA GPU."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from exporters.checker import Compute, ModelFile
from exporters.cpu_features import cpu_features
from models import Tensors, package_versions
from models.frameworks.onnx_runtime import onnxruntime
from models.packages import first_installed
from servers.runtimes.fixed_batch import FixedBatch
from servers.runtimes.runtime import DeviceError, LoadedModel, Runtime, RuntimeLoadError

_FATAL = 4
_CPU = "CPUExecutionProvider"
_CUDA = "CUDAExecutionProvider"


class _Session:
    def __init__(
        self, session: Any, outputs: list[str], sizes: tuple[int, ...] | None, facts: Mapping[str, str]
    ) -> None:
        self.facts = facts
        self._session = session
        self._outputs = outputs
        self.run = FixedBatch(self._compute, sizes).run if sizes else self._compute

    def _compute(self, inputs: Tensors) -> dict[str, np.ndarray]:
        return dict(zip(self._outputs, self._session.run(self._outputs, inputs), strict=True))


class _ONNXRuntime:
    name = "onnxruntime"
    formats: tuple[str, ...] = ("onnx",)
    platform = "onnx_onnxv1"
    packages: tuple[str, ...] = (first_installed("onnxruntime", "onnxruntime-gpu"),)
    devices: tuple[str, ...] = ("cpu", "cuda")

    def load(self, file: ModelFile, compute: Compute) -> LoadedModel:
        """Load an ONNX file. On ``cuda``, what the GPU has no kernel for is computed on the CPU.

        Raises:
            RuntimeLoadError: the file is not an ONNX model that ONNX Runtime can run.
            DeviceError: this build of ONNX Runtime has no CUDA, or finds no GPU.
            MissingPackage: onnxruntime is not installed.
        """
        versions = package_versions(*self.packages, needed_for="the runtime onnxruntime")
        package = onnxruntime()
        wanted = self._provider(compute.device, package.get_available_providers())
        options = package.SessionOptions()
        options.intra_op_num_threads = compute.threads
        options.inter_op_num_threads = 1
        options.execution_mode = package.ExecutionMode.ORT_SEQUENTIAL
        options.graph_optimization_level = package.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.log_severity_level = _FATAL  # what goes wrong is raised too, and told once
        # Threads that spin between two requests take the core from the server's own loop, and make an idle server
        # look busy. It only matters with two threads or more.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # Convolutions and matrix products would otherwise round their float32 inputs to 10 bits of mantissa.
        providers = [(_CUDA, {"use_tf32": "0"}), _CPU] if wanted == _CUDA else [_CPU]
        try:
            session = package.InferenceSession(str(file.path), options, providers=providers)
        # The library's errors have no common class of their own.
        except Exception as error:
            raise RuntimeLoadError(file.path, "an ONNX model that ONNX Runtime can run", error) from error
        if wanted not in session.get_providers():
            # It falls back to the CPU by itself, and says so in a log line only.
            raise DeviceError(self.name, compute.device, f"{wanted} does not start: is there a GPU with its driver?")
        facts = {
            **versions,
            "providers": ",".join(session.get_providers()),
            "precision": file.precision,
            # Its CPU kernels have no half precision: the optimizer turns such graphs into float32 ones.
            **({"computes_in": "float32"} if (file.precision, wanted) == ("fp16", _CPU) else {}),
            "graph_optimization": "all",
            "cpu_features": ",".join(cpu_features()) or "unknown",
            "intra_op_threads": str(compute.threads),
            "inter_op_threads": "1",
            "intra_op_spinning": "off",
            **({"tf32": "off"} if wanted == _CUDA else {}),
        }
        return _Session(session, [spec.name for spec in file.outputs], file.batch_sizes, facts)

    def _provider(self, device: str, available: list[str]) -> str:
        provider = {"cpu": _CPU, "cuda": _CUDA}.get(device)
        if provider is None:
            raise DeviceError(self.name, device, f"it knows {' and '.join(self.devices)}")
        if provider not in available:
            raise DeviceError(
                self.name, device, f"this build has no {provider}, the package onnxruntime-gpu in its place has it"
            )
        return provider


RUNTIME: Runtime = _ONNXRuntime()
