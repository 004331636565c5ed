"""OpenVINO on the CPU."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from exporters.checker import Compute, ModelFile
from exporters.openvino.library import openvino
from models import Tensors, package_versions
from servers.runtimes.fixed_batch import FixedBatch
from servers.runtimes.runtime import DeviceError, LoadedModel, Runtime, RuntimeLoadError

_GROUP = 32
"""Values that share a range when activations are quantized at each request: the library's own choice."""


class _Compiled:
    def __init__(
        self, compiled: Any, outputs: list[str], sizes: tuple[int, ...] | None, facts: Mapping[str, str]
    ) -> None:
        self.facts = facts
        self._request = compiled.create_infer_request()
        self._outputs = {name: compiled.output(name) for name in outputs}
        self.run = FixedBatch(self._compute, sizes).run if sizes else self._compute

    def _compute(self, inputs: Tensors) -> dict[str, np.ndarray]:
        # The inputs are only read; the outputs are copies, since the request's own memory is the next answer's too.
        results = self._request.infer(dict(inputs), share_inputs=True, share_outputs=False)
        return {name: results[port] for name, port in self._outputs.items()}


class _OpenVINO:
    name = "openvino"
    formats: tuple[str, ...] = ("openvino",)
    platform = "openvino"
    packages: tuple[str, ...] = ("openvino",)
    devices: tuple[str, ...] = ("cpu",)

    def load(self, file: ModelFile, compute: Compute) -> LoadedModel:
        """Load a folder with ``model.xml`` and ``model.bin``. What it computes in is the artifact's precision.

        Left to itself OpenVINO computes an fp32 file in bfloat16 wherever the CPU has it.

        Raises:
            RuntimeLoadError: the files are not a model that OpenVINO can run.
            DeviceError: the device is not the CPU.
            MissingPackage: openvino is not installed.
        """
        versions = package_versions(*self.packages, needed_for="the runtime openvino")
        if compute.device != "cpu":
            raise DeviceError(self.name, compute.device, "OpenVINO has no plugin for it")
        library = openvino()
        core = library.Core()
        capabilities = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        settings = {
            "INFERENCE_PRECISION_HINT": _hint(file.precision, capabilities),
            "DYNAMIC_QUANTIZATION_GROUP_SIZE": _GROUP if file.precision == "int8-dynamic" else 0,
            "INFERENCE_NUM_THREADS": compute.threads,
            "NUM_STREAMS": 1,
            "PERFORMANCE_HINT": "LATENCY",
            # Where a server runs is the deployment's matter, as for every runtime.
            "ENABLE_CPU_PINNING": False,
            "CACHE_DIR": "",
        }
        try:
            compiled = core.compile_model(_read(core, file), "CPU", settings)
            model = _Compiled(
                compiled,
                [spec.name for spec in file.outputs],
                file.batch_sizes,
                {**versions, **_facts(compiled, capabilities)},
            )
        except (RuntimeError, OSError, ValueError) as error:
            # The lines before the last name OpenVINO's own source files.
            last = next((line for line in reversed(str(error).splitlines()) if line.strip()), type(error).__name__)
            raise RuntimeLoadError(file.path, "a model that OpenVINO can run", ValueError(last)) from error
        return model


def _read(core: Any, file: ModelFile) -> Any:
    graph = file.path / "model.xml"
    with graph.open("rb") as opened:
        # What is not its own XML, OpenVINO gives to the readers of its other formats, which print what they think.
        if b"<net" not in opened.read(1024):
            raise ValueError("model.xml is not OpenVINO's XML")
    return core.read_model(graph)


def _hint(precision: str, capabilities: list[str]) -> str:
    """What to compute in: fp16 and bf16 where the CPU has them, fp32 everywhere else."""
    native = {"fp16": "FP16", "bf16": "BF16"}.get(precision)
    return {"FP16": "f16", "BF16": "bf16"}[native] if native in capabilities and native else "f32"


def _facts(compiled: Any, capabilities: list[str]) -> dict[str, str]:
    return {
        "device": ",".join(compiled.get_property("EXECUTION_DEVICES")),
        "inference_precision": compiled.get_property("INFERENCE_PRECISION_HINT").to_string(),
        "dynamic_quantization_group": str(compiled.get_property("DYNAMIC_QUANTIZATION_GROUP_SIZE")),
        "optimization_capabilities": ",".join(capabilities),
        "performance_hint": str(compiled.get_property("PERFORMANCE_HINT")).rpartition(".")[2],
        "streams": str(compiled.get_property("NUM_STREAMS")),
        "intra_op_threads": str(compiled.get_property("INFERENCE_NUM_THREADS")),
        "inter_op_threads": "1",
        "pinning": "on" if compiled.get_property("ENABLE_CPU_PINNING") else "off",
        "cache": "off",
    }


RUNTIME: Runtime = _OpenVINO()
