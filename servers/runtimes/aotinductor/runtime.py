"""AOTInductor packages: native code, compiled at the export."""

from __future__ import annotations

import platform
from typing import Any

from exporters.aotinductor.pytorch import PROGRAM
from exporters.checker import Compute, ModelFile
from models import TailbedError
from servers.runtimes.runtime import DeviceError, LoadedModel, Runtime, RuntimeLoadError
from servers.runtimes.torch_export.archive import aotinductor_metadata
from servers.runtimes.torch_module import TorchModel, start_torch


class _AOTInductor:
    """Runs machine code from the file, as the user who serves it: a package is to be trusted as a program is."""

    name = "aotinductor"
    formats: tuple[str, ...] = ("aotinductor",)
    platform = "pytorch_aotinductor"
    packages: tuple[str, ...] = ("torch",)
    devices: tuple[str, ...] = ("cpu",)

    def load(self, file: ModelFile, compute: Compute) -> LoadedModel:
        """Load a package with a program for each of ``file.batch_sizes``.

        A compiled program takes its batch size for granted: given fewer items it reads on past their end.

        Raises:
            RuntimeLoadError: the file is no such package, or its code needs instructions that this machine lacks.
            DeviceError: another device than the processor that the package is compiled for.
            MissingPackage: torch is not installed.
        """
        if compute.device not in self.devices:
            raise DeviceError(self.name, compute.device, "its packages are compiled for the processor of the export")
        facts = start_torch(self.name, self.packages, file, compute)
        import torch

        try:
            metadata = aotinductor_metadata(file.path)
            sizes = file.batch_sizes or (1,)
            for size in sizes:
                _check(metadata, PROGRAM.format(size))
            # torch's own aoti_load_package compiles test programs first, to find out what this machine can do.
            loaders = {
                size: torch._C._aoti.AOTIModelPackageLoader(str(file.path), PROGRAM.format(size), False, 1, -1)
                for size in sizes
            }
        except (TailbedError, RuntimeError, ValueError, OSError) as error:
            raise RuntimeLoadError(file.path, "an AOTInductor package that this machine can run", error) from error

        def call(*tensors: Any) -> Any:
            return loaders[len(tensors[0])].run(list(tensors))

        return TorchModel(
            call,
            file=file,
            device="cpu",
            batch_sizes=sizes,
            facts={
                **facts,
                "executor": "aotinductor",
                "instruction_set": metadata[PROGRAM.format(sizes[0])]["AOTI_CPU_ISA"].lower(),
                "compiled_batch_sizes": ", ".join(map(str, sizes)),
            },
        )


def _check(metadata: dict[str, dict[str, Any]], program: str) -> None:
    if program not in metadata:
        raise TailbedError(f"it has no program {program!r}, only {', '.join(sorted(metadata))}")
    made_for = metadata[program]
    machine, device = made_for.get("AOTI_MACHINE"), made_for.get("AOTI_DEVICE_KEY")
    if (machine, device) != (platform.machine(), "cpu"):
        raise TailbedError(f"it is compiled for {device} on {machine}, this is cpu on {platform.machine()}")
    missing = sorted(set(made_for["AOTI_CPU_ISA"].lower().split()) - _instruction_sets())
    if missing:
        raise TailbedError(f"its code needs {' and '.join(missing)}, which this processor lacks")


def _instruction_sets() -> set[str]:
    """Those that the processor has, by the names that a package gives them."""
    import torch

    has = torch.cpu.get_capabilities()
    needs = {
        "avx2": ("avx2", "fma3"),
        "avx512": ("avx512_f", "avx512_dq", "avx512_vl", "avx512_bw", "fma3"),
        "avx512_vnni": ("avx512_vnni",),
        "amx_tile": ("amx_tile", "amx_bf16", "amx_int8"),
    }
    return {name for name, parts in needs.items() if all(has.get(part) for part in parts)}


RUNTIME: Runtime = _AOTInductor()
