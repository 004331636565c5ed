"""TensorFlow Lite files, with a signature or with names of tensors alone."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from exporters.importer import Importer, ModelImportError, Signature, reading
from exporters.savedmodel.signature import chosen
from models import TensorSpec


class _TFLite:
    format = "tflite"
    title = "TensorFlow Lite"
    suffix = ".tflite"
    packages: tuple[str, ...] = ("ai-edge-litert",)

    def recognises(self, path: Path) -> bool:
        """Whether the FlatBuffer's identifier says so."""
        if path.is_dir():
            return False
        with path.open("rb") as file:
            return file.read(8)[4:] == b"TFL3"

    def read(self, path: Path, given: tuple[TensorSpec, ...]) -> Signature:
        """The tensors of one signature: ``serving_default``, else the only one, else that with the given inputs."""
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        with reading(path, self.title):
            # No delegate: the graph as it is in the file.
            resolver = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
            interpreter = Interpreter(model_path=str(path), experimental_op_resolver_type=resolver)
            found = {name: tensors["inputs"] for name, tensors in interpreter.get_signature_list().items()}
            name = chosen(path, found, given) if found else None
            if name is None:
                taken = {tensor["name"]: tensor for tensor in interpreter.get_input_details()}
                returned = {tensor["name"]: tensor for tensor in interpreter.get_output_details()}
            else:
                runner = interpreter.get_signature_runner(name)
                taken, returned = runner.get_input_details(), runner.get_output_details()
            precision = _precision(interpreter)
        inputs = tuple(_spec(path, "input", name, tensor) for name, tensor in taken.items())
        outputs = tuple(_spec(path, "output", name, tensor) for name, tensor in returned.items())
        notes = tuple(filter(None, (_quantized(name, tensor) for name, tensor in {**taken, **returned}.items())))
        return Signature(inputs, outputs, precision, {"signature": name} if name else {}, notes)

    def copy(self, path: Path, folder: Path) -> str:
        """The file as it is."""
        shutil.copyfile(path, folder / "model.tflite")
        return "model.tflite"


def _spec(path: Path, kind: str, name: str, tensor: Mapping[str, Any]) -> TensorSpec:
    dtype = np.dtype(tensor["dtype"])
    if dtype.kind not in "biuf":
        raise ModelImportError(f"{path}: {kind} {name!r} has elements of type {dtype}, which cannot be served here")
    # A file that knows no axis of any length has no signature of the shape.
    shape = tensor["shape_signature"] if len(tensor["shape_signature"]) else tensor["shape"]
    return TensorSpec(name, dtype.name, tuple(int(size) if size >= 0 else f"axis{i}" for i, size in enumerate(shape)))


def _quantized(name: str, tensor: Mapping[str, Any]) -> str | None:
    scale, zero = tensor["quantization"]
    if not scale:
        return None
    return f"{name} is quantized: it stands for {scale:.6g} * (value - {zero})"


def _precision(interpreter: Any) -> str:
    tensors = {tensor["index"]: tensor for tensor in interpreter.get_tensor_details()}
    quantized = {index for index, tensor in tensors.items() if len(tensor["quantization_parameters"]["scales"])}
    computed = {index for operation in interpreter._get_ops_details() for index in operation["outputs"]}
    if quantized & computed:
        return "int8-static"
    if quantized:
        return "int8-dynamic"
    halves = any(tensor["dtype"] is np.float16 for tensor in tensors.values())
    return "fp16" if halves else "fp32"


IMPORTER: Importer = _TFLite()
