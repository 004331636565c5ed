"""What the pictures show: a panel of latency curves a scenario, and the stages of cold starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loadtest.errors import LoadError
from loadtest.plan import read_plan
from loadtest.records import NAME as RECORDS
from loadtest.records import read
from tailbed.analysis.times import waited_ms
from tailbed.report.curves import Curve, percentile_curve
from tailbed.report.starts import cold_start_bars
from tailbed.results.folder import ExperimentFolder
from tailbed.results.identity import Identity, natural, short_names
from tailbed.results.schema import Cell, ColdStartStudy


@dataclass(frozen=True)
class Trace:
    """A curve of a panel, or the reason why there is none.

    Attributes:
        deployment: its place among the page's deployments, which gives it its colour in every panel.
    """

    cell: Cell
    deployment: int
    curve: Curve | None
    lacking: str | None


def build_panels(
    folder: ExperimentFolder, cells: Sequence[Cell], identities: Sequence[Identity], points: int
) -> dict[str, list[Trace]]:
    """Read the records of every cell, and reduce them to curves of about ``points`` points.

    Returns:
        The traces of each scenario, scenarios and deployments in natural order.
    """
    panels: dict[str, list[Trace]] = {}
    for cell in sorted(cells, key=lambda cell: natural(cell.scenario)):
        curve, lacking = _curve(folder, cell, points)
        trace = Trace(cell, identities.index(Identity.of(cell)), curve, lacking)
        panels.setdefault(cell.scenario, []).append(trace)
    return {scenario: sorted(traces, key=lambda trace: trace.deployment) for scenario, traces in panels.items()}


def picture_data(
    cells: Sequence[Cell],
    studies: Sequence[ColdStartStudy],
    identities: Sequence[Identity],
    panels: Mapping[str, Sequence[Trace]],
) -> dict[str, Any]:
    """What the page's script draws, as plain JSON values."""
    return {
        "deployments": [
            # Six colours and four dashes, whose cycles meet again after twenty-four.
            {"name": name, "style": f"d{place % 6} s{(place + place // 12) % 4}"}
            for place, name in enumerate(short_names(identities))
        ],
        "panels": [
            {
                "scenario": scenario,
                "curves": [_drawn(trace, trace.curve) for trace in traces if trace.curve is not None],
            }
            for scenario, traces in panels.items()
        ],
        "cold": cold_start_bars(cells, studies, identities),
    }


def _curve(folder: ExperimentFolder, cell: Cell, points: int) -> tuple[Curve | None, str | None]:
    if cell.run is None:
        return None, "no records were kept"
    try:
        records = read(folder.path / cell.run / RECORDS)
        waited = waited_ms(records, read_plan(folder.path / cell.run).scenario)
    except LoadError:
        return None, "its records or its plan are missing or cannot be read"
    if waited is None:
        return None, "every sample is due at the start: throughput is the figure"
    curve = percentile_curve(waited, points)
    return (curve, None) if len(curve.ranks) else (None, "too few answers for a distribution")


def _drawn(trace: Trace, curve: Curve) -> dict[str, Any]:
    return {
        "deployment": trace.deployment,
        "valid": trace.cell.validity == "VALID",
        "requests": curve.requests,
        "failures": curve.failures,
        "quotable": round(curve.quotable, 9),
        "ranks": curve.ranks.tolist(),
        "ms": [float(f"{value:.4g}") for value in curve.response_ms],
    }
