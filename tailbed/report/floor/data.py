"""The floor that null servers show, and each deployment's capacity by probe."""

from __future__ import annotations

from tailbed.report.cold_start.data import studied
from tailbed.report.section import Section
from tailbed.report.source import Source


def prepare(source: Source) -> Section | None:
    """Null servers and probes; None where neither was measured."""
    summary = source.summary
    if not summary.calibration and not summary.capacities:
        return None
    return Section(
        "What bounds the figures",
        {
            "capacities": [(source.names.get(studied(each), each.server), each) for each in summary.capacities],
            "calibration": source.link("calibration", "calibration/"),
            "probes": source.link("capacity", "capacity/"),
        },
    )
