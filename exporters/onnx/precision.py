"""The precisions of ONNX files, the same way for every framework that they are converted from.

An exporter names ``PRECISIONS``, ``UNSUPPORTED`` and ``PACKAGES`` as its own (with the packages that it takes besides),
writes its fp32 file, and ends with ``return to_precision(path, model, precision)``.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from exporters.cpu_features import cpu_features
from models import Model, Tensors
from models.frameworks.onnx_runtime import onnxruntime

PRECISIONS = ("fp32", "fp16", "int8-dynamic", "int8-static", "int8-static-signed")
UNSUPPORTED = {
    "bf16": "ONNX Runtime computes no convolution or matrix product in bfloat16 on a CPU: [ONNXRuntimeError] : 9 : "
    "NOT_IMPLEMENTED : Could not find an implementation for Conv(22) node with name ''"
}
PACKAGES = ("onnx", "onnxruntime")

_MATRIX_PRODUCTS = ["MatMul", "Gemm", "Attention", "Gather"]
"""What is quantized of a transformer: its products, and the tables of embeddings. Its additions are not, since that of
the mask has -1e9 in its range, which leaves nothing of the other values; nor are softmax and normalization."""


def to_precision(path: Path, model: Model, precision: str) -> Mapping[str, str]:
    """Convert the fp32 file at ``path`` in place. Inputs and outputs keep their dtypes.

    Static quantization takes its ranges from ``model.calibration()``, as many items at a time as the file's batch is
    fixed to, or one by one.

    Returns:
        Settings for the manifest: the opset, and what was quantized how.
    """
    import onnx

    graph = onnx.load(path)
    opset = {"opset": str(next(entry.version for entry in graph.opset_import if entry.domain in ("", "ai.onnx")))}
    if precision == "fp32":
        return opset
    onnxruntime()  # whose parts are imported below
    if precision == "fp16":
        return opset | _to_fp16(graph, path)
    # What the source's converter inferred of the shapes contradicts what ONNX infers again once weights are quantized
    # and transposed: "Inferred shape and existing shape differ in dimension 0".
    del graph.graph.value_info[:]
    with tempfile.TemporaryDirectory(prefix="tailbed-onnx-") as folder:
        prepared = _prepared(graph, Path(folder))
        if precision == "int8-dynamic":
            return opset | _to_dynamic(prepared, path)
        return opset | _to_static(prepared, path, model, signed=precision == "int8-static-signed")


def _to_fp16(graph: Any, path: Path) -> dict[str, str]:
    import onnx
    from onnxruntime.transformers.float16 import DEFAULT_OP_BLOCK_LIST, convert_float_to_float16

    kept = sorted({node.op_type for node in graph.graph.node} & set(DEFAULT_OP_BLOCK_LIST))
    onnx.save(convert_float_to_float16(graph, keep_io_types=True), path)
    return {"weights": "float16", "ops_in_fp32": ", ".join(kept) or "none"}


def _prepared(graph: Any, folder: Path) -> Path:
    """The file that quantization starts from: constants folded and batch normalization in the convolutions' weights,
    since what is quantized before it is folded is rounded twice, and shapes inferred."""
    import onnx
    from onnxruntime.quantization.shape_inference import quant_pre_process

    raw, prepared = folder / "raw.onnx", folder / "prepared.onnx"
    onnx.save(graph, raw)
    # ONNX's own inference of the shapes suffices; the symbolic one gives up on operators that it does not know.
    quant_pre_process(raw, prepared, skip_symbolic_shape=True)
    return prepared


def _to_dynamic(prepared: Path, path: Path) -> dict[str, str]:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    reduced, why = _reduced_range()
    quantize_dynamic(prepared, path, per_channel=True, reduce_range=reduced, weight_type=QuantType.QInt8)
    return {"activations": "uint8, ranges at each request", "weights": "int8, per channel", "reduce_range": why}


def _to_static(prepared: Path, path: Path, model: Model, *, signed: bool) -> dict[str, str]:
    import onnx
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static

    assert model.calibration is not None, "checked before any export"
    items = model.calibration()
    graph = onnx.load(prepared).graph
    ops = _MATRIX_PRODUCTS if _attends(graph) else None
    reduced, why = _reduced_range()
    quantize_static(
        prepared,
        path,
        _Calibration(items, batch=_batch(graph)),
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=ops,
        per_channel=True,
        reduce_range=reduced,
        activation_type=QuantType.QInt8 if signed else QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        calibrate_method=CalibrationMethod.MinMax,
        # The results of matrix products stay in fp32: scores beyond those of the calibration set would be cut off,
        # and the kernels that multiply in int8 give fp32 as well.
        extra_options={"OpTypesToExcludeOutputQuantization": ["MatMul", "Gemm"]},
    )
    return {
        "activations": "int8" if signed else "uint8",
        "weights": "int8, per channel",
        "calibration": f"minimum and maximum over {len(next(iter(items.values())))} items",
        "products": "float32",
        "quantized_ops": ", ".join(ops) if ops else "all that ONNX Runtime quantizes",
        "reduce_range": why,
    }


class _Calibration:
    """A ``CalibrationDataReader``: full batches of the calibration set, then None."""

    def __init__(self, items: Tensors, *, batch: int) -> None:
        count = len(next(iter(items.values())))
        starts = range(0, count - batch + 1, batch)
        self._batches: Iterator[dict[str, np.ndarray]] = iter(
            {name: array[start : start + batch] for name, array in items.items()} for start in starts
        )

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self._batches, None)


def _batch(graph: Any) -> int:
    """The batch size that the file is fixed to; 1 where it takes any."""
    axes = graph.input[0].type.tensor_type.shape.dim
    return max(1, int(axes[0].dim_value)) if axes else 1


def _attends(graph: Any) -> bool:
    """Whether a softmax's result goes into a matrix product, as in attention; a classifier's last one does not."""
    if any("Attention" in node.op_type for node in graph.node):
        return True
    reached: set[str] = set()
    for node in graph.node:  # in topological order, as ONNX demands
        if not reached.isdisjoint(node.input) and node.op_type in ("MatMul", "Gemm", "Einsum"):
            return True
        if node.op_type == "Softmax" or not reached.isdisjoint(node.input):
            reached.update(node.output)
    return False


def _reduced_range() -> tuple[bool, str]:
    """Whether weights are to keep to 7 bits, and why."""
    found = cpu_features()
    if "avx2" in found and not {"avx_vnni", "avx512_vnni"} & set(found):
        return True, "yes: without VNNI, sums of two products of 8 bits saturate"
    return False, "no: the CPU sums products of 8 bits without saturation"
