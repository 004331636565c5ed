"""LiteRT on the CPU, with XNNPACK."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from exporters.checker import Compute, ModelFile
from models import Tensors, package_versions
from models.frameworks.native_log import without_lines
from servers.runtimes.fixed_batch import FixedBatch
from servers.runtimes.litert.call import Call, call
from servers.runtimes.runtime import DeviceError, LoadedModel, Runtime, RuntimeLoadError

_KEPT = 8
"""Interpreters, each for inputs of one shape: an interpreter that is given another one plans its memory again."""


class _Interpreters:
    def __init__(self, file: ModelFile, first: Call, make: Callable[[], Call], facts: Mapping[str, str]) -> None:
        self.facts = facts
        self._names = [spec.name for spec in file.inputs]
        self._make = make
        self._unused: Call | None = first
        self._calls: OrderedDict[tuple[tuple[int, ...], ...], Call] = OrderedDict()
        self.run = FixedBatch(self._run, file.batch_sizes).run if file.batch_sizes else self._run

    def _run(self, inputs: Tensors) -> dict[str, np.ndarray]:
        shapes = tuple(inputs[name].shape for name in self._names)
        if shapes in self._calls:
            self._calls.move_to_end(shapes)
        else:
            self._calls[shapes] = self._unused or self._make()
            self._unused = None
            if len(self._calls) > _KEPT:
                self._calls.popitem(last=False)
        return self._calls[shapes](inputs)


class _LiteRT:
    name = "litert"
    formats: tuple[str, ...] = ("tflite",)
    platform = "litert_tflite"
    packages: tuple[str, ...] = ("ai-edge-litert",)

    devices: tuple[str, ...] = ("cpu",)

    def load(self, file: ModelFile, compute: Compute) -> LoadedModel:
        """Load a TensorFlow Lite file.

        Through ``Interpreter``, which is no more deprecated here than LiteRT's other interface, ``CompiledModel``:
        it resizes any model, and tells which operations XNNPACK has taken.

        Raises:
            RuntimeLoadError: the file is not one that LiteRT can run, or does not have these inputs and outputs.
            DeviceError: the device is not the CPU.
            MissingPackage: ai-edge-litert is not installed.
        """
        versions = package_versions(*self.packages, needed_for="the runtime litert")
        if compute.device != "cpu":
            raise DeviceError(self.name, compute.device, "its interpreter has kernels for the CPU only")
        from ai_edge_litert.interpreter import Interpreter

        def interpret() -> Any:
            return Interpreter(model_path=str(file.path), num_threads=compute.threads)

        def make(interpreter: Any) -> Call:
            return call(interpreter, file.inputs, file.outputs)

        try:
            interpreter = interpret()
            # It says so once a process, and the facts say more.
            with without_lines("INFO: Created TensorFlow Lite XNNPACK delegate for CPU"):
                interpreter.allocate_tensors()
            first = make(interpreter)
        # Whatever it is that the file lacks, these are the library's ways to say so.
        except (ValueError, RuntimeError, OSError) as error:
            raise RuntimeLoadError(file.path, "a TensorFlow Lite model that LiteRT can run", error) from error
        facts = {
            **versions,
            "device": "cpu",
            "intra_op_threads": str(compute.threads),
            "inter_op_threads": "1",
            "xnnpack": _delegated(interpreter),
        }
        return _Interpreters(file, first, lambda: make(interpret()), facts)


def _delegated(interpreter: Any) -> str:
    """What XNNPACK has taken of the graph, as far as the interpreter tells."""
    operations = [operation["op_name"] for operation in interpreter._get_ops_details()]
    parts = operations.count("DELEGATE")
    # A delegate's operations are added behind those that it replaces.
    return f"on: {parts} parts of {len(operations) - parts} operations" if parts else "takes no operation"


RUNTIME: Runtime = _LiteRT()
