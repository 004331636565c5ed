"""What a runtime computed an artifact with, as far as its libraries tell."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from pydantic import BaseModel, ConfigDict

_EXECUTED: Final = re.compile(
    r"onednn_verbose,(?:v\d+,)?(?:[\d.]+,)?(?:primitive,)?exec,\w+,(?P<operation>[^,]+),(?P<implementation>[^,]+),[^,]*,"
    r"(?:src|src0|src_0)[^:,]*:(?P<type>\w+):"
)
"""A line of oneDNN's log; its fields are in the line with ``template`` that the log begins with."""
_INSTRUCTIONS: Final = re.compile(r"(?:^|[:_])((?:sse41|avx|neon|asimd|sve)\w*)$")
_MOVES: Final = ("reorder",)
_INT8: Final = ("u8", "s8")

_SILENT: Final = {
    "onnxruntime": "ONNX Runtime does not tell which instructions its kernels use",
    "litert": "LiteRT does not tell which instructions XNNPACK's kernels use",
    "jax-export": "XLA does not tell which instructions it compiles to",
    "xla-executable": "XLA does not tell which instructions it compiles to",
}


class Kernel(BaseModel):
    """One kind of operation as it was computed.

    Attributes:
        operation: ``convolution``, ``matmul``, ``inner_product``, ``pooling`` and so on.
        instructions: the set that its kernel is written for, such as ``avx512_core_vnni``; None where it does not say.
        type: of its first input, such as ``u8`` or ``f32``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    operation: str
    instructions: str | None
    type: str

    @property
    def in_int8(self) -> bool:
        """Whether it computes with bytes; where the first input is quantized on the way, its instructions tell."""
        return self.type in _INT8 or "vnni" in (self.instructions or "") or "int8" in (self.instructions or "")

    def __str__(self) -> str:
        """In words: ``convolution in avx512_core_vnni on u8``."""
        return f"{self.operation} in {self.instructions or 'instructions that it does not name'} on {self.type}"


class Kernels(BaseModel):
    """What a look at one artifact in a process of its own found. Stored as ``kernels/FORMAT-PRECISION.json``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kernels: tuple[Kernel, ...]
    """Distinct, by name; empty where nothing tells."""
    source: str
    """How that is known, in words, or why it is not."""
    operators_ms: dict[str, float]
    """Milliseconds of one request by type of operator, by ONNX Runtime's own profile; empty of other runtimes."""
    load_s: float
    """Until the artifact was loaded, the runtime's import included."""
    request_ms: float
    """Median time of one request inside the process."""

    @property
    def instruction_sets(self) -> list[str]:
        """Those that its kernels are written for, by name."""
        return sorted({kernel.instructions for kernel in self.kernels if kernel.instructions})


def unseen(reason: str) -> Kernels:
    """The outcome of a look that failed, or was not possible."""
    return Kernels(kernels=(), source=reason, operators_ms={}, load_s=0.0, request_ms=0.0)


def executed(log: Iterable[str]) -> tuple[Kernel, ...]:
    """The distinct kernels in oneDNN's log, those left out that only move data."""
    found: set[Kernel] = set()
    for line in log:
        told = _EXECUTED.match(line)
        if told is None or told["operation"] in _MOVES:
            continue
        instructions = _INSTRUCTIONS.search(told["implementation"])
        name = instructions[1] if instructions else None
        found.add(Kernel(operation=told["operation"], instructions=name, type=told["type"]))
    return tuple(sorted(found, key=str))


def in_words(runtime: str, kernels: tuple[Kernel, ...]) -> str:
    """How it is known what ``runtime`` used, or why it is not."""
    if kernels:
        return f"oneDNN's own log inside {runtime}: {'; '.join(map(str, kernels))}"
    return _SILENT.get(runtime, f"oneDNN's log shows nothing of it, and {runtime}'s other kernels do not tell")
