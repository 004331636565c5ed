"""The rules of measuring and concluding, with the limits as they are in force."""

from __future__ import annotations

from tailbed.analysis import validity
from tailbed.report.section import Section
from tailbed.report.source import Source


def prepare(source: Source) -> Section:
    """The method of what the page shows."""
    return Section(
        "Method in short",
        {
            "limits": {
                "rate": validity.RATE_TOLERANCE,
                "lag_ms": validity.LAG_FLOOR_MS,
                "lag_share": validity.LAG_SHARE,
                "busy": validity.BUSY_LIMIT,
                "errors": validity.ERROR_LIMIT,
            },
            "ranking": source.summary.blocks > 1,
            "plan": source.plan is not None,
            "study": source.study is not None,
        },
    )
