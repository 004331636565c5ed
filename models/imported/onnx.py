"""An imported ONNX file as a source."""

from __future__ import annotations

import numpy as np

from models.frameworks.onnx import ONNXSource
from models.imported.record import SOURCE, imported
from models.inputs import one_item
from models.model import Model, Source
from models.tensor import Tensors
from models.weights import Weights


def build(model: Model, weights: Weights) -> Source:
    """The file as it was imported."""
    path = imported()[model.name].folder / SOURCE
    kind = ONNXSource if model.batch_sizes is None else _OneByOne
    return kind(path, inputs=model.inputs, outputs=model.outputs, weights=weights)


class _OneByOne(ONNXSource):
    """A file whose batch is fixed to one item."""

    def predict(self, inputs: Tensors) -> dict[str, np.ndarray]:
        items = len(next(iter(inputs.values())))
        each = [super(_OneByOne, self).predict(one_item(inputs, item, batched=True)) for item in range(items)]
        return {name: np.concatenate([outputs[name] for outputs in each]) for name in each[0]}
