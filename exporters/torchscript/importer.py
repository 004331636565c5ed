"""TorchScript files, which tell names of arguments and no shapes."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np

from exporters.importer import Importer, ModelImportError, Signature, reading
from exporters.importing.archive import entries
from exporters.importing.probing import probe
from exporters.quiet import quiet
from models import Tensors, TensorSpec


class _TorchScript:
    format = "torchscript"
    title = "TorchScript"
    suffix = ".pt"
    packages: tuple[str, ...] = ("torch",)

    def recognises(self, path: Path) -> bool:
        """Whether it is an archive with code; a pickled checkpoint has none."""
        names = entries(path)
        return "constants.pkl" in names and any(name.startswith("code/") for name in names)

    def read(self, path: Path, given: tuple[TensorSpec, ...]) -> Signature:
        """Names of inputs from the file, shapes from ``given``, outputs from running it."""
        import torch

        # TorchScript is deprecated in favour of torch.export, and is still what many models are kept in.
        with reading(path, self.title), quiet(ignored=[r"`torch\.jit\.load` is deprecated"]):
            module = torch.jit.load(path, map_location="cpu")
            arguments = [(argument.name, str(argument.type)) for argument in module.forward.schema.arguments[1:]]
        for name, kind in arguments:
            if kind != "Tensor":
                raise ModelImportError(f"{path}: argument {name!r} is a {kind}, expected tensors only")
        inputs = _ordered(path, [name for name, _ in arguments], given)

        def run(tensors: Tensors) -> list[np.ndarray]:
            with torch.inference_mode():
                results = module(*(torch.from_numpy(tensors[spec.name]) for spec in inputs))
            return _arrays(path, torch, results)

        try:
            return Signature(inputs, tuple(probe(run, inputs)))
        except ModelImportError:
            raise
        # torch raises anything.
        except Exception as error:
            # Its last line says what is wrong, those before it where in the code.
            last = next(filter(None, map(str.strip, str(error).splitlines()[::-1])), "")
            raise ModelImportError(f"{path}: it cannot compute on inputs as --input says ({last})") from error

    def copy(self, path: Path, folder: Path) -> str:
        """The file as it is."""
        shutil.copyfile(path, folder / "model.pt")
        return "model.pt"


def _ordered(path: Path, arguments: list[str], given: tuple[TensorSpec, ...]) -> tuple[TensorSpec, ...]:
    by_name = {spec.name: spec for spec in given}
    if set(by_name) != set(arguments):
        options = " ".join(f"--input {name}:float32:batch,..." for name in arguments)
        raise ModelImportError(
            f"{path}: a TorchScript file tells no shapes: give the type and shape of each argument, as in {options}"
        )
    return tuple(by_name[name] for name in arguments)


def _arrays(path: Path, torch: Any, results: Any) -> list[np.ndarray]:
    tensors = (results,) if isinstance(results, torch.Tensor) else results
    if not isinstance(tensors, tuple | list) or not all(isinstance(tensor, torch.Tensor) for tensor in tensors):
        raise ModelImportError(
            f"{path}: forward returns a {type(results).__name__}, expected a tensor or a tuple of tensors: "
            "wrap the model so"
        )
    # Copies: a result may be the very memory of an input.
    return [tensor.numpy().copy() for tensor in tensors]


IMPORTER: Importer = _TorchScript()
