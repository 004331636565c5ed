"""The source of a model that is written in PyTorch."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from models.packages import package_versions
from models.tensor import Tensors, TensorSpec
from models.weights import Weights


class PyTorchSource:
    """A ``torch.nn.Module`` as a ``models.Source``.

    The module takes the inputs by position, in the order of their specifications, and returns one tensor, or a
    tuple of them in the order of the outputs' specifications. It is put into evaluation mode.
    """

    framework = "pytorch"

    def __init__(
        self,
        module: torch.nn.Module,
        *,
        inputs: tuple[TensorSpec, ...],
        outputs: tuple[TensorSpec, ...],
        weights: Weights,
    ) -> None:
        self.module = module.eval()
        self.weights = weights
        self.versions: Mapping[str, str] = package_versions("torch", needed_for="a PyTorch model")
        self._inputs = [spec.name for spec in inputs]
        self._outputs = [spec.name for spec in outputs]

    def predict(self, inputs: Tensors) -> dict[str, np.ndarray]:
        """Outputs by name for a batch of inputs."""
        with torch.inference_mode():
            outputs = self.module(*(torch.tensor(inputs[name]) for name in self._inputs))
        tensors = (outputs,) if isinstance(outputs, torch.Tensor) else outputs
        return {name: tensor.numpy() for name, tensor in zip(self._outputs, tensors, strict=True)}
