"""What the converters of classifiers have in common: from their ONNX to the model's own inputs and outputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from exporters.quiet import quiet
from models import Model, Source, TensorSpec

PROBABILITIES = "probabilities"
"""What the converters call the output that the models have."""

OWN_WARNINGS = (
    # Trees: the converters give protobuf booleans for integers.
    "Field onnx.AttributeProto.ints",
    # Support vectors: the converter asks for the probabilities that SVC itself no longer has.
    "Attribute `prob[AB]_` was deprecated",
)
"""What the converters say about their own insides and no user can act on."""


class ONNXClassifier:
    """One ``.onnx`` file with a classifier, any batch size."""

    format = "onnx"
    filename = "model.onnx"
    precisions: tuple[str, ...] = ("fp32",)
    unsupported: Mapping[str, str] = {}
    batch_sizes: tuple[int, ...] | None = None

    def __init__(self, framework: str, convert: Callable[[Any, TensorSpec], Any], packages: tuple[str, ...]) -> None:
        """One of the exporters.

        Args:
            framework: the source framework.
            convert: makes the ``ModelProto`` of the source's module and of its one input; imports its converter itself.
            packages: distributions whose versions decide what is written.
        """
        self.framework = framework
        self.packages = packages
        self._convert = convert

    def write(
        self,
        model: Model,
        source: Source,
        precision: str,  # noqa: ARG002  # there is one
        path: Path,
    ) -> Mapping[str, str]:
        """Write ``source`` to ``path``."""
        with quiet(ignored=OWN_WARNINGS):
            (features,) = model.inputs
            return save(self._convert(source.module, features), model, path)


def save(converted: Any, model: Model, path: Path) -> Mapping[str, str]:
    """Write a converted classifier to ``path`` with the model's one output, without that of the most likely label.

    Args:
        converted: the ``ModelProto``, whose input has the model's name already.
        model: what the file is to look like.
        path: the file.

    Returns:
        The opsets that the file names, such as ``opset`` and ``opset ai.onnx.ml``.
    """
    import onnx
    from onnx.helper import make_graph, make_model, make_tensor_value_info, np_dtype_to_tensor_dtype

    scores = model.outputs[0].name
    nodes = _leading_to(PROBABILITIES, converted.graph.node)
    for node in nodes:
        node.output[:] = [scores if name == PROBABILITIES else name for name in node.output]
    inputs, outputs = (
        [
            make_tensor_value_info(spec.name, np_dtype_to_tensor_dtype(np.dtype(spec.dtype)), spec.shape)
            for spec in specs
        ]
        for specs in (model.inputs, model.outputs)
    )
    taken = {name for node in nodes for name in node.input}
    weights = [tensor for tensor in converted.graph.initializer if tensor.name in taken]
    graph = make_graph(nodes, model.name, inputs, outputs, weights)
    reduced = make_model(graph, opset_imports=converted.opset_import, ir_version=converted.ir_version)
    onnx.checker.check_model(reduced, full_check=True)
    onnx.save(reduced, path)
    return {f"opset {opset.domain}".strip(): str(opset.version) for opset in reduced.opset_import}


def _leading_to(output: str, nodes: Sequence[Any]) -> list[Any]:
    """The nodes that ``output`` is computed from, each one behind those that it needs; onnxmltools' order is any."""
    makers = {name: node for node in nodes for name in node.output}
    ordered: list[Any] = []

    def add(name: str) -> None:
        node = makers.get(name)
        if node is None or any(node is other for other in ordered):
            return
        for needed in node.input:
            add(needed)
        ordered.append(node)

    add(output)
    return ordered
