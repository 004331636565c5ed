"""ONNX Runtime on the CPU."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from models import Tensors, TensorSpec, package_versions
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

    def load(
        self,
        path: Path,
        *,
        inputs: tuple[TensorSpec, ...],  # noqa: ARG002  # the file itself knows their names
        outputs: tuple[TensorSpec, ...],
        threads: int,
    ) -> LoadedModel:
        """Load an ONNX file.

        Raises:
            RuntimeLoadError: the file is not an ONNX model that ONNX Runtime can run.
            MissingPackage: onnxruntime is not installed.
        """
        versions = package_versions(*self.packages, needed_for="the runtime onnxruntime")
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        options.log_severity_level = _ERROR_AND_ABOVE
        # Threads that spin between two requests take the core from the server's own loop, and make an idle server
        # look busy. It only matters with two threads or more.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        # The library's errors have no common class of their own.
        except Exception as error:
            raise RuntimeLoadError(path, "an ONNX model that ONNX Runtime can run", error) from error
        facts = {
            **versions,
            "providers": ",".join(session.get_providers()),
            "intra_op_threads": str(threads),
            "inter_op_threads": "1",
            "intra_op_spinning": "off",
        }
        return _Session(session, [spec.name for spec in outputs], facts)


RUNTIME: Runtime = _ONNXRuntime()
