"""torch.export's programs -> one AOTInductor package."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch.export import ExportedProgram

from exporters.aotinductor.pytorch import PROGRAM
from exporters.inductor import compiling

_OPTIONS = {
    "aot_inductor.package": True,
    # No flag for the machine at hand: those of the instruction set that the package names are all that there are.
    "cpp.march": "",
    "cpp.dynamic_threads": True,
}


def compile_package(programs: Mapping[int, ExportedProgram], path: Path) -> str:
    """Compile ``programs``, by batch size, into the package ``path``.

    Returns:
        The instruction set that the code needs, as torch names it, such as ``avx512 avx512_vnni``.
    """
    with compiling(path.parent):
        from torch._inductor import aot_compile
        from torch._inductor.cpu_vec_isa import pick_vec_isa
        from torch._inductor.package import package_aoti

        files = {
            PROGRAM.format(size): aot_compile(program.module(), program.example_inputs[0], options=_OPTIONS)
            for size, program in programs.items()
        }
        package_aoti(str(path), files)
        return str(pick_vec_isa())
