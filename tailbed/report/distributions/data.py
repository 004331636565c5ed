"""A panel of latency curves for each scenario."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from loadtest.errors import LoadError
from loadtest.plan import read_plan
from loadtest.records import NAME as RECORDS
from loadtest.records import read
from tailbed.analysis.times import waited_ms
from tailbed.report.distributions.curves import Curve, percentile_curve
from tailbed.report.section import Section
from tailbed.report.source import Link, Source
from tailbed.results.folder import ExperimentFolder
from tailbed.results.identity import Identity, natural
from tailbed.results.schema import Cell

_POINTS_A_CURVE = 300
_POINTS_A_PAGE = 24_000
"""At about 14 bytes a point: a page of a hundred curves stays well under a megabyte and a half."""
_TABULATED = tuple(map(Fraction, ("0.5", "0.75", "0.9", "0.95", "0.99", "0.999", "0.9999")))
_SHOWN = 6
"""Panels that are shown at once; further ones are folded away."""


@dataclass(frozen=True)
class Trace:
    """A curve of a panel, or the reason why there is none.

    Attributes:
        deployment: its place among the page's deployments, which gives it its colour in every panel.
        raw: the records that it is made of.
    """

    cell: Cell
    deployment: int
    curve: Curve | None
    lacking: str | None
    raw: Link | None


def prepare(source: Source) -> Section | None:
    """Read the records of every cell; None where nothing was measured."""
    cells = source.summary.cells
    if not cells:
        return None
    points = min(_POINTS_A_CURVE, max(_POINTS_A_PAGE // len(cells), 20))
    panels = build_panels(source, points)
    drawn = [
        {
            "scenario": scenario,
            "curves": [_drawn(trace, trace.curve) for trace in traces if trace.curve is not None],
        }
        for scenario, traces in panels.items()
    ]
    places = sorted({trace.deployment for traces in panels.values() for trace in traces})
    own = {"panels": panels, "shown": _SHOWN, "points": points, "tabulated": _TABULATED, "places": places}
    return Section("Response-time distributions", own, drawn)


def build_panels(source: Source, points: int) -> dict[str, list[Trace]]:
    """Read the records of every cell, and reduce them to curves of about ``points`` points.

    Returns:
        The traces of each scenario, scenarios and deployments in natural order.
    """
    panels: dict[str, list[Trace]] = {}
    for cell in sorted(source.summary.cells, key=lambda cell: natural(cell.scenario)):
        curve, lacking = _curve(source.folder, cell, points)
        raw = source.link(f"{cell.run}/{RECORDS}", "records") if cell.run else None
        trace = Trace(cell, source.identities.index(Identity.of(cell)), curve, lacking, raw)
        panels.setdefault(cell.scenario, []).append(trace)
    return {scenario: sorted(traces, key=lambda trace: trace.deployment) for scenario, traces in panels.items()}


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
