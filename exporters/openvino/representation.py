"""A converted model's tensors as they are specified, its precisions, and its folder."""

from __future__ import annotations

import io
from collections.abc import Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from exporters.openvino.library import nncf, openvino
from models import Model, Tensors, TensorSpec

PRECISIONS = ("fp32", "fp16", "bf16", "int8-dynamic", "int8-static")
PACKAGES = ("openvino", "nncf")


def named(graph: Any, inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...]) -> Any:
    """Name and shape the inputs and name the outputs of ``graph``, which are in the specifications' order."""
    library = openvino()
    shapes = {}
    for port, spec in zip(graph.inputs, inputs, strict=True):
        port.get_tensor().set_names({spec.name})
        shapes[spec.name] = library.PartialShape([-1 if isinstance(axis, str) else axis for axis in spec.shape])
    graph.reshape(shapes)
    for port, spec in zip(graph.outputs, outputs, strict=True):
        port.get_tensor().set_names({spec.name})
    return graph


def save(graph: Any, model: Model, precision: str, path: Path) -> Mapping[str, str]:
    """Write an fp32 ``graph`` to the folder ``path`` in ``precision``.

    OpenVINO stores bf16 nowhere: as in fp16, the weights are stored in 16 bits, and it is the runtime that computes in
    bfloat16. int8-static has its ranges from ``model.calibration()``.

    Returns:
        Settings for the manifest: how the weights are stored, and what was quantized how.
    """
    settings: dict[str, str] = {"weights": "float32"}
    if precision == "int8-dynamic":
        graph, settings = _dynamic(graph)
    elif precision == "int8-static":
        assert model.calibration is not None, "checked before any export"
        graph, settings = _static(graph, model.calibration())
    elif precision in ("fp16", "bf16"):
        settings = {"weights": "float16"}
    path.mkdir()
    openvino().save_model(graph, path / "model.xml", compress_to_fp16=precision in ("fp16", "bf16"))
    return settings


def _dynamic(graph: Any) -> tuple[Any, dict[str, str]]:
    """Weights in int8, from which the runtime makes the activations of matrix products follow at each request."""
    convolutions = sum(operation.get_type_name().endswith("Convolution") for operation in graph.get_ops())
    with redirect_stdout(io.StringIO()):  # progress bars and tables
        graph = nncf().compress_weights(graph, mode=nncf().CompressWeightsMode.INT8_ASYM)
    return graph, {
        "weights": "int8 asymmetric, per channel",
        "activations": "of matrix products, int8, ranges at each request for groups of values",
        "convolutions": f"{convolutions}, computed in fp32 from int8 weights" if convolutions else "none",
    }


def _static(graph: Any, items: Tensors) -> tuple[Any, dict[str, str]]:
    library = nncf()
    count = len(next(iter(items.values())))
    data = library.Dataset([{name: array[item : item + 1] for name, array in items.items()} for item in range(count)])
    attends = _attends(graph)
    # The presets are the library's own choice for each type of model.
    preset = library.QuantizationPreset.MIXED if attends else library.QuantizationPreset.PERFORMANCE
    with redirect_stdout(io.StringIO()):  # progress bars
        graph = library.quantize(
            graph,
            data,
            preset=preset,
            model_type=library.ModelType.TRANSFORMER if attends else None,
            subset_size=count,
            # As the other formats do it. By default it is the mean of the items' ranges, which cuts off the values of
            # every second item: a ResNet then comes out with ten times the difference.
            advanced_parameters=library.AdvancedQuantizationParameters(
                activations_range_estimator_params=library.quantization.range_estimator.RangeEstimatorParametersSet.MINMAX,
                # What the library shifts from activations to weights in transformers helps those with outliers, and
                # made a small BERT with none differ five times as much.
                smooth_quant_alphas=library.AdvancedSmoothQuantParameters(convolution=-1, matmul=-1),
            ),
        )
    return graph, {
        "weights": "int8 symmetric, per channel",
        "activations": f"preset {preset.value}",
        "model_type": "transformer" if attends else "none",
        "smooth_quant": "off",
        "calibration": f"minimum and maximum over {count} items",
    }


def _attends(graph: Any) -> bool:
    """Whether a softmax's result goes into a matrix product, as in attention; a classifier's last one does not."""
    reached: set[str] = set()
    for operation in graph.get_ordered_ops():
        kind = operation.get_type_name()
        follows = any(port.get_source_output().get_node().get_friendly_name() in reached for port in operation.inputs())
        if kind == "ScaledDotProductAttention" or (kind == "MatMul" and follows):
            return True
        if follows or kind == "Softmax":
            reached.add(operation.get_friendly_name())
    return False
