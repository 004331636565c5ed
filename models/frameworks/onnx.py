"""The source of a model that is an ONNX file, such as a user's own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from models.frameworks.onnx_runtime import onnxruntime
from models.packages import package_versions
from models.tensor import Tensors, TensorSpec
from models.weights import Weights


class ONNXSource:
    """A ``.onnx`` file as a ``models.Source``: ``module`` is its path, and ONNX Runtime on the CPU computes it.

    Its inputs and outputs bear the names of the specifications; outputs that these leave out are not computed.
    """

    framework = "onnx"

    def __init__(
        self, path: Path, inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], weights: Weights
    ) -> None:
        self.module = path
        self.weights = weights
        self.versions: Mapping[str, str] = package_versions("onnx", "onnxruntime", needed_for="an ONNX model")
        package = onnxruntime()
        options = package.SessionOptions()
        options.log_severity_level = 4  # what goes wrong is raised
        self._session = package.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self._inputs = [spec.name for spec in inputs]
        self._outputs = [spec.name for spec in outputs]

    def predict(self, inputs: Tensors) -> dict[str, np.ndarray]:
        """Outputs by name for a batch of inputs."""
        outputs = self._session.run(self._outputs, {name: inputs[name] for name in self._inputs})
        return dict(zip(self._outputs, outputs, strict=True))
