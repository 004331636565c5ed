"""ONNX Runtime on the CPU."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from exporters.checker import Compute, ModelFile
from models import Tensors, package_versions
from servers.runtimes.runtime import LoadedModel, Runtime, RuntimeLoadError

_ERROR_AND_ABOVE = 3


class _Session:
    def __init__(self, session: Any, outputs: list[str], facts: Mapping[str, str]) -> None:
        self.facts = facts
        self._run = session.run
        self._outputs = outputs

    def run(self, inputs: Tensors) -> dict[str, np.ndarray]:
        return dict(zip(self._outputs, self._run(self._outputs, inputs), strict=True))


class _ONNXRuntime:
    name = "onnxruntime"
    formats: tuple[str, ...] = ("onnx",)
    platform = "onnx_onnxv1"
    packages: tuple[str, ...] = ("onnxruntime",)

    devices: tuple[str, ...] = ("cpu",)

    def load(self, file: ModelFile, compute: Compute) -> LoadedModel:
        """Load an ONNX file.

        Raises:
            RuntimeLoadError: the file is not an ONNX model that ONNX Runtime can run.
            MissingPackage: onnxruntime is not installed.
        """
        versions = package_versions(*self.packages, needed_for="the runtime onnxruntime")
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = compute.threads
        options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        options.log_severity_level = _ERROR_AND_ABOVE
        # Threads that spin between two requests take the core from the server's own loop, and make an idle server
        # look busy. It only matters with two threads or more.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            session = onnxruntime.InferenceSession(str(file.path), options, providers=["CPUExecutionProvider"])
        # The library's errors have no common class of their own.
        except Exception as error:
            raise RuntimeLoadError(file.path, "an ONNX model that ONNX Runtime can run", error) from error
        facts = {
            **versions,
            "providers": ",".join(session.get_providers()),
            "intra_op_threads": str(compute.threads),
            "inter_op_threads": "1",
            "intra_op_spinning": "off",
        }
        return _Session(session, [spec.name for spec in file.outputs], facts)


RUNTIME: Runtime = _ONNXRuntime()
