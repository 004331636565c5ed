"""How long each core is taken from what runs on it: by kernel threads, interrupts, neighbours and the hypervisor.

Cores differ: a kernel thread may own one of them for milliseconds at a time, with no steal time reported. What a
process that does nothing but look at the clock misses of it is what a server on that core would lose.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from servers import ProcessError, SupervisedProcess

_PROGRAM: Final = Path(__file__).with_name("spinning.py")
_START_S: Final = 0.2
_START_EACH_S: Final = 0.05
"""For the start of the processes, so that all of them spin at the same time."""
_PATIENCE_S: Final = 30.0


@dataclass(frozen=True)
class CoreStalls:
    """Gaps of more than 0.2 ms in a process that spun on one core.

    Attributes:
        core: its number.
        seconds: how long it was measured.
        share: of that time, what the gaps add up to, 0 to 1.
        longest_ms: the longest gap; 0 where there was none.
        count: how many there were.
    """

    core: int
    seconds: float
    share: float
    longest_ms: float
    count: int


def measure_stalls(
    cores: Sequence[int] | None = None, *, seconds: float = 2.5, nice: int | None = None
) -> tuple[CoreStalls, ...]:
    """Spin on every core at once, one process each, and return what each one missed.

    Args:
        cores: which; all that this process may use by default.
        seconds: how long.
        nice: niceness of the processes, that of what will run there; this process's by default.

    Raises:
        ProcessError: a core cannot be used, or its process did not end well.
    """
    cores = sorted(os.sched_getaffinity(0)) if cores is None else cores
    start_ns = time.monotonic_ns() + round((_START_S + _START_EACH_S * len(cores)) * 1e9)
    argv = [sys.executable, "-I", "-S", str(_PROGRAM), str(start_ns), str(seconds)]
    with tempfile.TemporaryDirectory(prefix="tailbed-stalls-") as folder, ExitStack() as running:
        # Each in a session of its own: the kernel may weigh sessions, not processes, against each other.
        processes = [
            running.enter_context(SupervisedProcess.start(argv, log=Path(folder, str(core)), cores=(core,), nice=nice))
            for core in cores
        ]
        return tuple(_stalls(core, process, seconds) for core, process in zip(cores, processes, strict=True))


def _stalls(core: int, process: SupervisedProcess, seconds: float) -> CoreStalls:
    try:
        process.wait(seconds + _PATIENCE_S)
        said = process.log.read_text(errors="replace")
        gaps_ns = json.loads(said)
    except subprocess.TimeoutExpired as error:
        raise ProcessError(f"core {core}: what should spin on it does not get it") from error
    except ValueError as error:
        words = said.strip().splitlines() or ["it left no word"]
        raise ProcessError(f"core {core}: what should spin on it failed: {words[-1]}") from error
    stalled_s = sum(gaps_ns) / 1e9
    # The last gap may lie over the end.
    share = min(1.0, stalled_s / seconds)
    return CoreStalls(core, seconds, share, max(gaps_ns, default=0) / 1e6, len(gaps_ns))
