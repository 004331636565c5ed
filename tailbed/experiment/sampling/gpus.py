"""NVIDIA's GPUs, by NVML."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, Final, Self

from tailbed.experiment.sampling.probe import Reading

_READ: Final[dict[str, Callable[[Any, Any], int]]] = {
    "utilization_percent": lambda nvml, gpu: nvml.nvmlDeviceGetUtilizationRates(gpu).gpu,
    "memory_bytes": lambda nvml, gpu: nvml.nvmlDeviceGetMemoryInfo(gpu).used,
    "power_mw": lambda nvml, gpu: nvml.nvmlDeviceGetPowerUsage(gpu),
    "energy_mj": lambda nvml, gpu: nvml.nvmlDeviceGetTotalEnergyConsumption(gpu),
}


class Gpus:
    """``gpuN``: ``utilization_percent`` (time with a kernel running), ``memory_bytes`` in use by all processes,
    ``power_mw``, and ``energy_mj`` since the driver was loaded (from Volta on).
    """

    def __init__(self, nvml: Any) -> None:
        """``nvml`` is the module ``pynvml``, initialized."""
        self._nvml = nvml
        self._gpus = [nvml.nvmlDeviceGetHandleByIndex(index) for index in range(nvml.nvmlDeviceGetCount())]

    @classmethod
    def present(cls) -> Self | None:
        """The machine's GPUs; None where there are none, or no driver, or the package nvidia-ml-py is missing."""
        nvml = _initialized()
        if nvml is None:
            return None
        try:
            return cls(nvml)
        except nvml.NVMLError:  # such as one that this user may not open
            return None

    def read(self) -> Iterable[Reading]:
        """See ``Probe``."""
        for index, gpu in enumerate(self._gpus):
            for name, read in _READ.items():
                try:
                    value = read(self._nvml, gpu)
                except self._nvml.NVMLError:  # this GPU cannot tell
                    continue
                yield Reading(name, f"gpu{index}", value)


@cache  # once a process, which is as long as the library is needed
def _initialized() -> Any:
    try:
        nvml = importlib.import_module("pynvml")
    except ImportError:
        return None
    try:
        nvml.nvmlInit()
    except nvml.NVMLError:
        return None
    return nvml
