"""OpenVINO's intermediate representation: an ``.xml`` file and its ``.bin``, or the folder of both."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np

from exporters.importer import Importer, ModelImportError, Signature, reading
from exporters.openvino.library import openvino
from models import TensorSpec

_GRAPH, _WEIGHTS = "model.xml", "model.bin"
_HEAD = 4096


class _OpenVINO:
    format = "openvino"
    title = "OpenVINO"
    suffix = ".xml"
    packages: tuple[str, ...] = ("openvino",)

    def recognises(self, path: Path) -> bool:
        """Whether it is XML whose root is a net with layers."""
        graph = _graph(path)
        if not graph.is_file():
            return False
        with graph.open("rb") as file:
            head = file.read(_HEAD)
        return head.lstrip().startswith((b"<?xml", b"<net")) and b"<net" in head and b"<layers" in head

    def read(self, path: Path, given: tuple[TensorSpec, ...]) -> Signature:  # noqa: ARG002  # the file tells all
        """Inputs and outputs under the first of their names."""
        with reading(path, self.title):
            model = _read(path)
            inputs = tuple(_spec(path, "input", port) for port in model.inputs)
            outputs = tuple(_spec(path, "output", port) for port in model.outputs)
            precision = _precision(model)
        return Signature(inputs, outputs, precision)

    def copy(self, path: Path, folder: Path) -> str:
        """A folder with the graph and the weights."""
        graph = _graph(path)
        (folder / "model").mkdir()
        shutil.copyfile(graph, folder / "model" / _GRAPH)
        shutil.copyfile(graph.with_suffix(".bin"), folder / "model" / _WEIGHTS)
        return "model"


def _graph(path: Path) -> Path:
    return path / _GRAPH if path.is_dir() else path


def _read(path: Path) -> Any:
    graph = _graph(path)
    with graph.open("rb") as file:
        # What is no XML, OpenVINO gives to the readers of its other formats, which print what they think of it.
        if not file.read(_HEAD).lstrip().startswith((b"<?xml", b"<net")):
            raise ModelImportError(f"{path}: not OpenVINO's XML")
    weights = graph.with_suffix(".bin")
    if not weights.is_file():
        raise ModelImportError(f"{path}: its weights are missing: expected {weights} beside it")
    try:
        return openvino().Core().read_model(graph)
    except RuntimeError as error:
        # The lines before the last name OpenVINO's own source files.
        last = next((line.strip() for line in reversed(str(error).splitlines()) if line.strip()), "")
        raise ModelImportError(f"{path}: not an OpenVINO model that can be read ({last})") from error


def _spec(path: Path, kind: str, port: Any) -> TensorSpec:
    names = port.get_names()
    if not names:
        raise ModelImportError(f"{path}: an {kind} has no name: convert the model again with a newer OpenVINO")
    name, shape = min(names), port.get_partial_shape()
    if shape.rank.is_dynamic:
        raise ModelImportError(f"{path}: {kind} {name!r} tells no number of axes: reshape the model and save it again")
    kinds = port.get_element_type()
    try:
        dtype = np.dtype(kinds.to_dtype())
    except RuntimeError as error:
        raise _unserved(path, kind, name, kinds) from error
    if dtype.kind not in "biuf" or kinds.get_type_name() == "bf16":
        raise _unserved(path, kind, name, kinds)
    axes = (axis.get_length() if axis.is_static else f"axis{index}" for index, axis in enumerate(shape))
    return TensorSpec(name, dtype.name, tuple(axes))


def _unserved(path: Path, kind: str, name: str, elements: Any) -> ModelImportError:
    what = elements.get_type_name()
    return ModelImportError(f"{path}: {kind} {name!r} has elements of type {what}, which cannot be served here")


def _precision(model: Any) -> str:
    operations = model.get_ops()
    if any(operation.get_type_name() == "FakeQuantize" for operation in operations):
        return "int8-static"
    weights = {
        operation.get_element_type().get_type_name()
        for operation in operations
        if operation.get_type_name() == "Constant" and len(operation.get_output_shape(0)) > 1
    }
    if weights & {"i8", "u8", "i4", "u4"}:
        return "int8-dynamic"
    return "fp16" if "f16" in weights else "fp32"


IMPORTER: Importer = _OpenVINO()
