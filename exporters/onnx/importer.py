"""ONNX files of any producer and opset."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, BinaryIO

from exporters.importer import Importer, ModelImportError, Signature, reading
from models import TensorSpec

_FIELDS = {1: 0, 2: 2, 3: 2, 4: 2, 5: 0, 6: 2, 7: 2, 8: 2, 14: 2, 20: 2, 25: 2, 26: 2}
"""Wire types of the fields of a ModelProto."""
_GRAPH = 7
_STATIC = {"QuantizeLinear", "QLinearConv", "QLinearMatMul"}
_DYNAMIC = {"DynamicQuantizeLinear", "DynamicQuantizeLSTM", "MatMulInteger", "ConvInteger", "DynamicQuantizeMatMul"}


class _ONNX:
    format = "onnx"
    title = "ONNX"
    suffix = ".onnx"
    packages: tuple[str, ...] = ("onnx",)

    def recognises(self, path: Path) -> bool:
        """Whether it is a message with the fields of a ModelProto, a graph among them."""
        if path.is_dir():
            return False
        size, found = path.stat().st_size, set()
        with path.open("rb") as file:
            while file.tell() < size:
                tag = _varint(file)
                if tag is None or _FIELDS.get(tag >> 3) != tag & 7:
                    return False
                found.add(tag >> 3)
                length = _varint(file)
                if length is None:
                    return False
                if tag & 7 == 2:
                    file.seek(length, 1)
            # A file that ends before a field does is still one, and reading it says so.
            return _GRAPH in found

    def read(self, path: Path, given: tuple[TensorSpec, ...]) -> Signature:
        """Inputs are those of the graph that are no initializers; axes have the file's own names."""
        import onnx

        with reading(path, self.title):
            external = _external(onnx.load(path, load_external_data=False))
            model = onnx.load(path)
            onnx.checker.check_model(model)
            inferred = onnx.shape_inference.infer_shapes(model)
        graph = model.graph
        weights = {tensor.name for tensor in graph.initializer} | {
            sparse.values.name for sparse in graph.sparse_initializer
        }
        shapes = {value.name: value for value in inferred.graph.output}
        told = {spec.name: spec for spec in given}
        inputs = tuple(_spec(path, "input", value, told) for value in graph.input if value.name not in weights)
        outputs = tuple(_spec(path, "output", shapes.get(value.name, value), told) for value in graph.output)
        opsets = ", ".join(f"{entry.domain or 'ai.onnx'} {entry.version}" for entry in model.opset_import)
        settings = {"opset": opsets, "producer": f"{model.producer_name} {model.producer_version}".strip()}
        notes = ("its weights lie in other files: they are put into one",) if external else ()
        return Signature(inputs, outputs, _precision(graph), {k: v for k, v in settings.items() if v}, notes)

    def copy(self, path: Path, folder: Path) -> str:
        """One file with the weights inside."""
        import onnx

        with reading(path, self.title):
            if _external(onnx.load(path, load_external_data=False)):
                onnx.save(onnx.load(path), folder / "model.onnx")
            else:
                shutil.copyfile(path, folder / "model.onnx")
        return "model.onnx"


def _varint(file: BinaryIO) -> int | None:
    value = 0
    for shift in range(0, 70, 7):
        byte = file.read(1)
        if not byte:
            return None
        value |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return value
    return None


def _spec(path: Path, kind: str, value: Any, told: dict[str, TensorSpec]) -> TensorSpec:
    from onnx import TensorProto, helper

    if value.type.WhichOneof("value") != "tensor_type":
        what = value.type.WhichOneof("value") or "value of no type"
        raise ModelImportError(
            f"{path}: {kind} {value.name!r} is a {what.removesuffix('_type')}, expected a tensor"
            + (" (a scikit-learn classifier is converted with options={'zipmap': False})" if kind == "output" else "")
        )
    tensor = value.type.tensor_type
    if tensor.elem_type in (TensorProto.STRING, TensorProto.BFLOAT16) or tensor.elem_type not in _numeric():
        name = TensorProto.DataType.Name(tensor.elem_type).lower()
        raise ModelImportError(
            f"{path}: {kind} {value.name!r} has elements of type {name}, which cannot be served here"
        )
    dtype = str(helper.tensor_dtype_to_np_dtype(tensor.elem_type))
    if not tensor.HasField("shape"):
        if value.name in told:
            return TensorSpec(value.name, dtype, told[value.name].shape)
        raise ModelImportError(
            f"{path}: {kind} {value.name!r} tells no number of axes: give it with "
            f"--{kind} {value.name}:{dtype}:batch,..."
        )
    return TensorSpec(value.name, dtype, tuple(_axis(value.name, *axis) for axis in enumerate(tensor.shape.dim)))


def _axis(tensor: str, position: int, dimension: Any) -> int | str:
    if dimension.WhichOneof("value") == "dim_value" and dimension.dim_value > 0:
        return int(dimension.dim_value)
    # Some converters write -1 or 0 for an axis of any length.
    return dimension.dim_param or f"{tensor}_{position}"


def _numeric() -> frozenset[int]:
    from onnx import TensorProto as Types

    names = ("FLOAT", "DOUBLE", "FLOAT16", "BOOL", "INT8", "INT16", "INT32", "INT64")
    return frozenset(getattr(Types, name) for name in (*names, "UINT8", "UINT16", "UINT32", "UINT64"))


def _external(model: Any) -> bool:
    """Whether weights lie in files of their own, which have not been read."""
    return any(len(tensor.external_data) > 0 for tensor in model.graph.initializer)


def _precision(graph: Any) -> str:
    from onnx import TensorProto

    operators = {node.op_type for node in graph.node}
    if operators & _DYNAMIC:
        return "int8-dynamic"
    if operators & _STATIC:
        return "int8-static"
    halves = [tensor.data_type == TensorProto.FLOAT16 for tensor in graph.initializer if len(tensor.dims) > 1]
    return "fp16" if halves and all(halves) else "fp32"


IMPORTER: Importer = _ONNX()
