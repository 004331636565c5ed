"""One moment on several machines, whose monotonic clocks have nothing in common."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Self

from loadtest.errors import LoadError

_LEAST_DELAY_NS: Final = -1_000_000
_MOST_DELAY_NS: Final = 250_000_000
"""By two machines' wall clocks, between sending a message and its receipt: beyond that, one of the clocks is wrong."""
_READINGS: Final = 5


@dataclass(frozen=True)
class Moment:
    """A time to come, as one process tells it to another one.

    Attributes:
        boot: which machine it was told on, since when: processes with the same one share CLOCK_MONOTONIC.
        monotonic_ns: on that machine.
        wall_ns: since the Unix epoch.
        told_ns: when it was told, since the Unix epoch.
    """

    boot: str
    monotonic_ns: int
    wall_ns: int
    told_ns: int

    @classmethod
    def after(cls, seconds: float) -> Self:
        """The moment in so many seconds."""
        monotonic_ns, wall_ns = _clocks()
        ahead_ns = round(seconds * 1e9)
        return cls(boot_id(), monotonic_ns + ahead_ns, wall_ns + ahead_ns, wall_ns)

    @classmethod
    def of(cls, message: dict[str, Any]) -> Self:
        """The moment in a message that ``message`` made."""
        return cls(**message)

    def message(self) -> dict[str, Any]:
        """For another process."""
        return asdict(self)

    def here_ns(self) -> int:
        """The moment on this process's CLOCK_MONOTONIC; to be called as soon as it is told.

        Exactly, on the machine that told it; elsewhere by the wall clocks, and as good as they agree.

        Raises:
            LoadError: they do not agree.
        """
        if self.boot == boot_id():
            return self.monotonic_ns
        monotonic_ns, wall_ns = _clocks()
        delay_ns = wall_ns - self.told_ns
        if not _LEAST_DELAY_NS <= delay_ns <= _MOST_DELAY_NS:
            raise LoadError(
                f"by this machine's clock, the start came {delay_ns / 1e6:.0f} ms after the master had told it: "
                "set both machines' clocks right (NTP, PTP)"
            )
        return monotonic_ns + self.wall_ns - wall_ns


def boot_id() -> str:
    """Which machine this is, since when: the same for all of its processes, in whatever containers."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _clocks() -> tuple[int, int]:
    """Both clocks at once: of a few readings, the one that took the shortest time."""
    readings = []
    for _ in range(_READINGS):
        before_ns, wall_ns, after_ns = time.monotonic_ns(), time.time_ns(), time.monotonic_ns()
        readings.append((after_ns - before_ns, before_ns, wall_ns))
    _, monotonic_ns, wall_ns = min(readings)
    return monotonic_ns, wall_ns
