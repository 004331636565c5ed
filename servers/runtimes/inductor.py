"""PyTorch modules compiled by Inductor when they are loaded."""

from __future__ import annotations

from typing import Any

import numpy as np

from exporters.checker import Compute, ModelFile
from exporters.inductor import BATCH_SIZES, compiling, cxx_compiler
from servers.runtimes.torch_module import TorchModel


def compiled(module: Any, *, runtime: str, file: ModelFile, compute: Compute, facts: dict[str, str]) -> TorchModel:
    """``module`` on its device, compiled for each of ``BATCH_SIZES`` before this returns.

    Nothing is compiled while requests are answered, and nothing is taken from compilations before this one: the load
    costs what it costs on a fresh machine.

    Raises:
        MissingCompiler: there is no C++ compiler.
    """
    compiler = cxx_compiler(f"the runtime {runtime}")
    import torch

    # Past torch's limit a module of the same class is run uncompiled, which nothing but its latency would tell.
    with compiling(), torch._dynamo.config.patch(recompile_limit=1024, fail_on_recompile_limit_hit=True):
        loaded = TorchModel(
            torch.compile(module, dynamic=False),
            file=file,
            device=compute.device,
            batch_sizes=BATCH_SIZES,
            facts={
                **facts,
                "executor": "inductor",
                "compiler": compiler,
                "freezing": "on",
                "compiled_batch_sizes": ", ".join(map(str, BATCH_SIZES)),
                "inductor_cache": "empty before the load",
            },
        )
        for size in BATCH_SIZES:
            loaded.run(_zeros(file, size))
    return loaded


def _zeros(file: ModelFile, size: int) -> dict[str, np.ndarray]:
    return {
        spec.name: np.zeros((size, *(1 if isinstance(axis, str) else axis for axis in spec.shape[1:])), spec.dtype)
        for spec in file.inputs
    }
