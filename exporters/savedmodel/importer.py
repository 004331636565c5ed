"""TensorFlow's SavedModels, whatever their signature is called."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from exporters.importer import Importer, ModelImportError, Signature, reading
from exporters.savedmodel.signature import chosen
from models import TensorSpec
from models.frameworks.tensorflow import tensorflow

_NOT_SERVED = "__saved_model_init_op"


class _SavedModel:
    format = "savedmodel"
    title = "SavedModel"
    suffix = ".pb"
    packages: tuple[str, ...] = ("tensorflow-cpu",)

    def recognises(self, path: Path) -> bool:
        """Whether it is a folder with the graph."""
        return path.is_dir() and (path / "saved_model.pb").is_file()

    def read(self, path: Path, given: tuple[TensorSpec, ...]) -> Signature:
        """The tensors of one signature: ``serving_default``, else the only one, else that with the given inputs."""
        if path.is_file():
            raise ModelImportError(f"{path}: not a SavedModel: give the folder that has it")
        tf = tensorflow()
        from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

        with reading(path, self.title):
            graphs = SavedModel.FromString((path / "saved_model.pb").read_bytes()).meta_graphs
        found = {
            name: value
            for graph in graphs
            if "serve" in graph.meta_info_def.tags
            for name, value in graph.signature_def.items()
            if name != _NOT_SERVED
        }
        if not found:
            raise ModelImportError(
                f"{path}: it has no signature to serve: "
                "tf.saved_model.save(model, folder, signatures=function) gives it one"
            )
        name = chosen(path, {name: sorted(value.inputs) for name, value in found.items()}, given)
        inputs, outputs = (
            tuple(_spec(path, tf, kind, key, tensors[key]) for key in sorted(tensors))
            for kind, tensors in (("input", found[name].inputs), ("output", found[name].outputs))
        )
        return Signature(inputs, outputs, settings={"signature": name})

    def copy(self, path: Path, folder: Path) -> str:
        """The folder as it is."""
        shutil.copytree(path, folder / "model")
        return "model"


def _spec(path: Path, tf: Any, kind: str, name: str, tensor: Any) -> TensorSpec:
    dtype = tf.dtypes.as_dtype(tensor.dtype) if tensor.dtype else None
    if dtype is None or not (dtype.is_bool or dtype.is_integer or dtype in (tf.float16, tf.float32, tf.float64)):
        named = dtype.name if dtype else "no single tensor"
        raise ModelImportError(f"{path}: {kind} {name!r} is {named}, which cannot be served here")
    if tensor.tensor_shape.unknown_rank:
        raise ModelImportError(
            f"{path}: {kind} {name!r} tells no number of axes: save the model with an input_signature that does"
        )
    axes = (axis.size for axis in tensor.tensor_shape.dim)
    return TensorSpec(name, dtype.name, tuple(size if size >= 0 else f"axis{i}" for i, size in enumerate(axes)))


IMPORTER: Importer = _SavedModel()
