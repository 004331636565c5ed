"""What a runtime is: it loads artifacts of some formats and computes on numpy arrays."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import numpy as np

from exporters.checker import Compute, ModelFile
from models import Registry, TailbedError, Tensors, UnknownName


class RuntimeLoadError(TailbedError):
    """A model's file that the runtime cannot load."""

    def __init__(self, path: Path, expected: str, error: Exception) -> None:
        first = next(iter(str(error).strip().splitlines()), type(error).__name__)
        super().__init__(f"{path}: not {expected} ({first})")


class DeviceError(TailbedError):
    """A device that the runtime or the machine does not have."""

    def __init__(self, runtime: str, device: str, reason: str) -> None:
        super().__init__(f"{runtime} cannot compute on {device}: {reason}")


class LoadedModel(Protocol):
    """A model in memory. ``run`` may be called from any one thread at a time."""

    facts: Mapping[str, str]
    """What really runs, such as providers and instruction sets, as far as the library tells."""

    def run(self, inputs: Tensors) -> dict[str, np.ndarray]:
        """Outputs by name for a batch. The inputs are already checked against the specifications."""
        ...


class Runtime(Protocol):
    """Loads one or more formats. Implementations import their library inside ``load`` only."""

    name: str
    formats: tuple[str, ...]
    platform: str
    """The Open Inference Protocol's name for format and runtime, such as ``onnx_onnxv1``."""
    packages: tuple[str, ...]
    """Distributions whose versions decide what is computed."""
    devices: tuple[str, ...]
    """What it can compute on where the machine has it: ``cpu``, ``cuda``."""

    def load(self, file: ModelFile, compute: Compute) -> LoadedModel:
        """Load a model's file, to compute on ``compute.device`` with ``compute.threads`` intra-op threads.

        Raises:
            RuntimeLoadError: the file is not what the format says.
            DeviceError: the device is not to be had.
            MissingPackage: the runtime's library is not installed.
        """
        ...


RUNTIMES: Registry[Runtime] = Registry("servers.runtimes", entry="runtime", attribute="RUNTIME")
"""Every ``servers/runtimes/<name>/runtime.py``."""


def runtime_for(format: str) -> Runtime:
    """The runtime that loads ``format``.

    Raises:
        UnknownName: no runtime loads it.
    """
    runtimes = [RUNTIMES.get(name) for name in RUNTIMES.names()]
    for runtime in runtimes:
        if format in runtime.formats:
            return runtime
    known = sorted(format for runtime in runtimes for format in runtime.formats)
    raise UnknownName(f"no runtime loads the format {format!r}: choose from {', '.join(known)}")
