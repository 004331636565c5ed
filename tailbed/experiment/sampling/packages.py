"""Energy of the processor's packages, by RAPL (Running Average Power Limit)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tailbed.experiment.sampling.probe import Reading, read_number


@dataclass
class _Counter:
    path: Path
    range_uj: int
    last_uj: int
    sum_uj: int = 0


class Packages:
    """``package-N``: ``energy_uj``, since the probe was made.

    Only whole packages count: their cores and memory controllers are domains below them. Most systems let root alone
    read the counters (since CVE-2020-8694). A counter starts over at its range, which takes minutes or more.
    """

    def __init__(self, root: Path = Path("/")) -> None:
        self._counters: dict[str, _Counter] = {}
        for folder in sorted((root / "sys/class/powercap").glob("intel-rapl:*")):
            try:
                name = (folder / "name").read_text(encoding="ascii").strip()
            except OSError:
                continue
            now_uj = read_number(folder / "energy_uj")
            range_uj = read_number(folder / "max_energy_range_uj")
            if name.startswith("package") and now_uj is not None and range_uj is not None:
                self._counters[name] = _Counter(folder / "energy_uj", range_uj, now_uj)

    def read(self) -> Iterable[Reading]:
        """See ``Probe``."""
        for name, counter in self._counters.items():
            now_uj = read_number(counter.path)
            if now_uj is None:
                continue
            passed_uj = now_uj - counter.last_uj
            counter.sum_uj += passed_uj if passed_uj >= 0 else passed_uj + counter.range_uj
            counter.last_uj = now_uj
            yield Reading("energy_uj", name, counter.sum_uj)
