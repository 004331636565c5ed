"""What happens to cores from outside: steal time, frequency, throttling."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from tailbed.experiment.sampling.probe import Reading, read_number

_TICK_NS: Final = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
_STEAL: Final = 8
"""Field of a core's line in /proc/stat, its name being field 0."""
_FILES: Final = {
    "frequency_khz": "cpufreq/scaling_cur_freq",
    "core_throttles": "thermal_throttle/core_throttle_count",
    "package_throttles": "thermal_throttle/package_throttle_count",
}


class Cores:
    """``cpuN``: ``steal_ns``, in steps of 10 ms, and where the machine shows them frequency and throttle counts."""

    def __init__(self, cores: Iterable[int], root: Path = Path("/")) -> None:
        self._stat = root / "proc/stat"
        self._names = {f"cpu{core}" for core in cores}
        self._files = [
            (name, core, path)
            for core in sorted(self._names)
            for name, place in _FILES.items()
            if read_number(path := root / "sys/devices/system/cpu" / core / place) is not None
        ]

    def read(self) -> Iterable[Reading]:
        """See ``Probe``."""
        try:
            lines = self._stat.read_text(encoding="ascii").splitlines()
        except OSError:
            lines = []
        for line in lines:
            if not line.startswith("cpu"):
                break  # they are the first lines, and the longest one comes after
            fields = line.split()
            if fields[0] in self._names and len(fields) > _STEAL:
                yield Reading("steal_ns", fields[0], int(fields[_STEAL]) * _TICK_NS)
        for name, core, path in self._files:
            if (value := read_number(path)) is not None:
                yield Reading(name, core, value)
