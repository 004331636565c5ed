"""How fast the server's cores compute: the CPU time of a fixed piece of work."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable
from typing import Final

from tailbed.experiment.sampling.probe import Reading

_ROUNDS: Final = 25
"""Of PBKDF2, some 10 microseconds: it lives in registers and the first cache, so that no memory is in its time."""
_TIMES: Final = 4
"""The first one wakes the core and fills the caches; of the others one, at least, is not interrupted."""


class Speed:
    """``cpuN``: ``work_ns``, the least CPU time that a fixed piece of work took.

    A core that is all a process's own may still compute at half of its speed: another hardware thread of it works, for
    somebody else on the same host or for the server itself, or its clock is lower. Neither steal time nor gaps show it.

    The reading thread goes to each core for about 0.1 ms. Cores that it may not use are left out.
    """

    def __init__(self, cores: Iterable[int]) -> None:
        self._cores = sorted(cores)
        try:
            _work_ns()
        except ValueError:  # an OpenSSL restricted to FIPS 140 refuses so few rounds
            self._cores = []

    def read(self) -> Iterable[Reading]:
        """See ``Probe``."""
        before = os.sched_getaffinity(0)  # of this thread alone
        readings = []
        try:
            for core in self._cores:
                try:
                    os.sched_setaffinity(0, {core})
                except OSError:
                    continue
                readings.append(Reading("work_ns", f"cpu{core}", min(_work_ns() for _ in range(_TIMES))))
        finally:
            os.sched_setaffinity(0, before)
        return readings


def _work_ns() -> int:
    start_ns = time.thread_time_ns()
    hashlib.pbkdf2_hmac("sha256", b"work", b"", _ROUNDS)
    return time.thread_time_ns() - start_ns
