"""Programs of torch.export. The graph is JSON, which tells all without torch and without unpickling anything."""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from exporters.importer import Importer, ModelImportError, Signature, reading
from exporters.importing.archive import entries
from models import TensorSpec

_GRAPH = "models/model.json"
_SYMBOL = re.compile(r"Symbol\('(\w+)'[^)]*\)")
_DTYPES = {
    1: "uint8",
    2: "int8",
    3: "int16",
    4: "int32",
    5: "int64",
    6: "float16",
    7: "float32",
    8: "float64",
    12: "bool",
    28: "uint16",
}
"""numpy's names of the element types, by their numbers in the file."""


class _TorchExport:
    format = "torch-export"
    title = "torch.export"
    suffix = ".pt2"
    packages: tuple[str, ...] = ("torch",)

    def recognises(self, path: Path) -> bool:
        """Whether it is an archive with a program's graph, and no native code."""
        names = entries(path)
        graph = any(name.startswith("models/") and name.endswith(".json") for name in names)
        return graph or "serialized_exported_program.json" in names

    def read(self, path: Path, given: tuple[TensorSpec, ...]) -> Signature:  # noqa: ARG002  # the file tells all
        """Names are those of the arguments; outputs are called ``output`` or ``output0``, ``output1``, ..."""
        with reading(path, self.title):
            with zipfile.ZipFile(path) as archive:
                name = next((name for name in archive.namelist() if name.partition("/")[2] == _GRAPH), None)
                if name is None:
                    raise ModelImportError(
                        f"{path}: saved by another version of torch.export: load it there, and save it with a newer one"
                    )
                module = json.loads(archive.read(name))["graph_module"]
            keywords = json.loads(module["module_call_graph"][0]["signature"]["in_spec"])[1]["children_spec"][1]
            if keywords["children_spec"]:
                raise ModelImportError(f"{path}: it takes arguments by keyword: export it with positional ones only")
            values = module["graph"]["tensor_values"]
            taken = [spec["user_input"]["arg"] for spec in module["signature"]["input_specs"] if "user_input" in spec]
            given_back = module["signature"]["output_specs"]
            returned = [spec["user_output"]["arg"] for spec in given_back if "user_output" in spec]
            inputs = tuple(_spec(path, "input", _tensor(path, argument), values) for argument in taken)
            outputs = tuple(_spec(path, "output", _tensor(path, argument), values) for argument in returned)
        names = ["output"] if len(outputs) == 1 else [f"output{index}" for index in range(len(outputs))]
        # A graph calls its outputs after operations.
        named = tuple(replace(spec, name=name) for spec, name in zip(outputs, names, strict=True))
        return Signature(inputs, named)

    def copy(self, path: Path, folder: Path) -> str:
        """The file as it is."""
        shutil.copyfile(path, folder / "model.pt2")
        return "model.pt2"


def _tensor(path: Path, argument: dict[str, Any]) -> str:
    if "as_tensor" not in argument:
        kind = next(iter(argument), "nothing").removeprefix("as_")
        raise ModelImportError(f"{path}: one of its arguments or results is a {kind}, and only tensors can be served")
    return str(argument["as_tensor"]["name"])


def _spec(path: Path, kind: str, name: str, values: dict[str, Any]) -> TensorSpec:
    value = values[name]
    if value["dtype"] not in _DTYPES:
        raise ModelImportError(f"{path}: {kind} {name!r} has elements of a type that cannot be served here")
    axes = (
        axis["as_int"] if "as_int" in axis else _SYMBOL.sub(r"\1", axis["as_expr"]["expr_str"])
        for axis in value["sizes"]
    )
    return TensorSpec(name, _DTYPES[value["dtype"]], tuple(axes))


IMPORTER: Importer = _TorchExport()
