"""PyTorch -> AOTInductor."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from exporters.exporter import Exporter
from exporters.inductor import BATCH_SIZES, cxx_compiler
from models import Model, Source

PROGRAM = "batch-{}"
"""The name of a program in the package, by its batch size."""


class _AOTInductor:
    """One ``.pt2`` package with a compiled program for each batch size, each with constants of its own.

    It is native code for processors with the instruction set that the machine of the export has, which its settings
    name. It is compiled for exactly that set, where torch by itself would let the compiler use whatever the machine
    has beyond it and tell nobody. Thread counts are left open, which torch would fix to those of the export.
    """

    format = "aotinductor"
    framework = "pytorch"
    filename = "model.pt2"
    precisions: tuple[str, ...] = ("fp32", "fp16", "bf16", "int8-dynamic", "int8-static")
    unsupported: Mapping[str, str] = {}
    batch_sizes: tuple[int, ...] | None = BATCH_SIZES
    packages: tuple[str, ...] = ("torch", "torchao")

    def write(self, model: Model, source: Source, precision: str, path: Path) -> Mapping[str, str]:
        """Write ``source`` to ``path``.

        Raises:
            MissingCompiler: there is no C++ compiler.
        """
        compiler = cxx_compiler("an export to aotinductor")
        from exporters.aotinductor.compilation import compile_package
        from exporters.torch_export.program import program
        from exporters.torch_export.quantization import settings

        programs = {size: program(model, source, precision, batch=size) for size in BATCH_SIZES}
        instruction_set = compile_package(programs, path)
        return {
            **settings(model, precision),
            "instruction_set": instruction_set,
            "compiler": compiler,
            "freezing": "on",
            "programs": f"one for each batch size: {', '.join(map(str, BATCH_SIZES))}",
        }


EXPORTER: Exporter = _AOTInductor()
