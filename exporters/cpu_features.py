"""Which of the processor's instruction sets decide how fast, and how, a model computes in each precision."""

from __future__ import annotations

from functools import cache
from pathlib import Path

_THAT_MATTER = (
    *("avx2", "avx512f", "avx_vnni", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_int8", "amx_bf16", "amx_fp16"),
    *("asimddp", "i8mm", "bf16"),
)
"""As Linux names them, x86-64's and then those of ARM."""


@cache
def cpu_features(cpuinfo: Path = Path("/proc/cpuinfo")) -> tuple[str, ...]:
    """The instruction sets that matter and that this processor has; none where the system does not tell."""
    try:
        lines = cpuinfo.read_text(errors="replace").splitlines()
    except OSError:
        return ()
    flags = next((line.partition(":")[2].split() for line in lines if line.startswith(("flags", "Features"))), [])
    return tuple(name for name in _THAT_MATTER if name in flags)
