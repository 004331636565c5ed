"""Which figures of a cell can be followed over time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tailbed.history.errors import HistoryError


@dataclass(frozen=True)
class Figure:
    """One of them.

    Attributes:
        column: of the history.
        title, unit: as people read them.
        per_unit: how much of the column's own unit makes one of ``unit``.
        more_is_better: as of a throughput; of times less is.
    """

    column: str
    title: str
    unit: str
    per_unit: float = 1.0
    more_is_better: bool = False


FIGURES: Final = {
    "p50": Figure("p50_ms", "P50", "ms"),
    "p90": Figure("p90_ms", "P90", "ms"),
    "p99": Figure("p99_ms", "P99", "ms"),
    "p99.9": Figure("p999_ms", "P99.9", "ms"),
    "service-p50": Figure("service_p50_ms", "service P50", "ms"),
    "service-p99": Figure("service_p99_ms", "service P99", "ms"),
    "throughput": Figure("throughput", "throughput", "1/s", more_is_better=True),
    "ready": Figure("ready_ms", "readiness", "s", 1000.0),
    "cold-start": Figure("first_answer_ms", "first correct answer", "s", 1000.0),
    "memory": Figure("peak_memory_bytes", "peak memory", "MB", 1e6),
}
"""By the names that they have on the command line."""


def figure(name: str) -> Figure:
    """The figure called ``name``, in whatever case, also as the column is called.

    Raises:
        HistoryError: there is none.
    """
    for known, found in FIGURES.items():
        if name.lower() in (known, found.column, found.column.removesuffix("_ms")):
            return found
    raise HistoryError(f"no figure {name!r}: choose from {', '.join(FIGURES)}")
