"""torch.export programs, run operator by operator, or compiled where that is what they are for."""

from __future__ import annotations

from exporters.checker import Compute, ModelFile
from servers.runtimes.inductor import compiled
from servers.runtimes.runtime import DeviceError, LoadedModel, Runtime, RuntimeLoadError
from servers.runtimes.torch_export.archive import check_program
from servers.runtimes.torch_module import TorchModel, start_torch


class _TorchExport:
    name = "torch-export"
    formats: tuple[str, ...] = ("torch-export",)
    platform = "pytorch_export"
    packages: tuple[str, ...] = ("torch",)
    devices: tuple[str, ...] = ("cpu", "cuda")

    def load(self, file: ModelFile, compute: Compute) -> LoadedModel:
        """Load a ``.pt2`` archive. Nothing in it is unpickled but tensors, and nothing in it evaluated but sizes.

        Floating-point programs run in torch's own executor, one operator after the other (the fact ``executor`` is
        ``eager``). An int8 program is compiled by Inductor at load (``inductor``): uncompiled it would round to int8
        and compute in fp32, slower than the fp32 program.

        Raises:
            RuntimeLoadError: the file is no archive of torch.export, or holds pickled objects, native code or Python.
            DeviceError: the device is not to be had.
            MissingPackage: torch is not installed.
            MissingCompiler: an int8 program, and there is no C++ compiler.
        """
        facts = start_torch(self.name, self.packages, file, compute)
        quantized = file.precision.startswith("int8")
        if quantized and compute.device != "cpu":
            raise DeviceError(self.name, compute.device, f"{file.precision} programs are quantized for x86 processors")
        # Importing it registers the operators of quantized programs.
        import torch.ao.quantization.fx._decomposed  # noqa: F401
        from torch.export.passes import move_to_device_pass

        # What torch.export.load calls, which logs the cause of a failure and then raises without it.
        from torch.export.pt2_archive._package import load_pt2

        try:
            check_program(file.path)
            program = load_pt2(str(file.path)).exported_programs["model"]
        # An archive with one wrong byte in its graph raises whatever the place in torch does that meets it.
        except Exception as error:
            raise RuntimeLoadError(file.path, "a program of torch.export", error) from error
        if compute.device != "cpu":
            program = move_to_device_pass(program, compute.device)
        # The file's own guards are Python, which torch would make a part of the module. Those of the shapes it makes by
        # itself, and without them it would check the same by a hook that takes longer.
        program._guards_code = []
        module = program.module()
        if quantized:
            return compiled(module, runtime=self.name, file=file, compute=compute, facts=facts)
        return TorchModel(module, file=file, device=compute.device, facts={**facts, "executor": "eager"})


RUNTIME: Runtime = _TorchExport()
