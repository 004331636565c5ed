"""The percentile against the rate: of a capacity plan's points, else of an experiment's open loops at several rates."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tailbed.report.section import Section
from tailbed.report.source import Link, Source
from tailbed.results.decisions import CapacityPlan
from tailbed.results.identity import Identity
from tailbed.results.schema import Cell

_SCENARIO = re.compile(r"(?P<arrivals>poisson|constant) [\d.]+/s")
_ROLES = {"search": "search", "model": "model", "held-out": "held out", "sweep": "sweep"}


@dataclass(frozen=True)
class Point:
    """One deployment at one rate.

    Attributes:
        rate: arrivals a second that were asked for.
        ms: the percentile; None where there is none to quote.
        low, high: its 95% interval over runs; None where it is not known.
        held: whether it kept to the objective, or, without one, kept up.
        role: what it was measured for; empty without a plan.
        why_not: why it did not hold.
    """

    rate: float
    throughput: float
    p50_ms: float | None
    ms: float | None
    low: float | None
    high: float | None
    held: bool
    valid: bool
    role: str
    why_not: str | None
    records: list[Link]


@dataclass(frozen=True)
class Series:
    """One deployment's points, by rate, and the highest one that held."""

    deployment: int
    points: list[Point]
    highest: float | None
    reason: str | None


@dataclass(frozen=True)
class Panel:
    """Deployments under one kind of arrivals."""

    arrivals: str
    series: list[Series]


def prepare(source: Source) -> Section | None:
    """The plan's panel, else one for each kind of arrivals; None where nothing was measured at two rates."""
    plan = source.plan
    panels = [_planned(source, plan)] if plan and plan.deployments else list(_measured(source))
    if not panels:
        return None
    slo = source.slo
    figure, limit = (slo.name, slo.limit_ms) if slo else ("P99", None)
    own = {
        "figure": figure,
        "slo": str(slo) if slo else None,
        "planned": plan is not None,
        "panels": panels,
        "places": sorted({series.deployment for panel in panels for series in panel.series}),
        "raw": [source.link(source.file(CapacityPlan)) if plan else source.link("summary.json")],
    }
    drawn = [{"figure": figure, "limit": limit, "series": list(map(_drawn, panel.series))} for panel in panels]
    return Section(f"Rate against {figure}", own, drawn)


def _planned(source: Source, plan: CapacityPlan) -> Panel:
    series = [
        Series(
            source.place(each),
            [
                Point(
                    rate=point.rate,
                    throughput=point.throughput,
                    p50_ms=point.p50_ms,
                    ms=point.slo_ms,
                    low=None,
                    high=None,
                    held=point.held,
                    valid=point.valid,
                    role=_ROLES[point.role],
                    why_not=point.why_not,
                    records=source.records(point.runs),
                )
                for point in sorted(each.points, key=lambda point: point.rate)
            ],
            each.highest.per_s,
            each.highest.reason,
        )
        for each in plan.deployments
    ]
    return Panel(plan.arrivals, series)


def _measured(source: Source) -> Iterable[Panel]:
    kinds: dict[str, dict[Identity, list[Cell]]] = {}
    for cell in source.summary.cells:
        kind = _SCENARIO.fullmatch(cell.scenario)
        if kind and cell.offered_rate is not None:
            kinds.setdefault(kind["arrivals"], {}).setdefault(Identity.of(cell), []).append(cell)
    for arrivals, deployments in kinds.items():
        series = [
            Series(
                source.identities.index(identity),
                [_of_cell(source, cell) for cell in sorted(cells, key=_rate)],
                None,
                None,
            )
            for identity, cells in deployments.items()
            if len(cells) > 1
        ]
        if series:
            yield Panel(arrivals, sorted(series, key=lambda each: each.deployment))


def _of_cell(source: Source, cell: Cell) -> Point:
    field = source.slo.field if source.slo else "p99_ms"
    value: float | None = getattr(cell, field)
    interval = cell.intervals.get(field)
    runs = [run.run for run in cell.runs if run.run] or ([cell.run] if cell.run else [])
    within = value is not None and (source.slo is None or value <= source.slo.limit_ms)
    held = cell.validity == "VALID" and within
    return Point(
        rate=_rate(cell),
        throughput=cell.throughput,
        p50_ms=cell.p50_ms,
        ms=value,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        held=held,
        valid=cell.validity == "VALID",
        role="",
        why_not=None if held else "; ".join(cell.reasons) or cell.missing.get(field) or f"beyond {source.slo}",
        records=source.records(runs),
    )


def _rate(cell: Cell) -> float:
    return cell.offered_rate or 0.0


def _drawn(series: Series) -> dict[str, Any]:
    return {
        "deployment": series.deployment,
        "highest": series.highest,
        "points": [
            {
                "rate": point.rate,
                "ms": point.ms,
                "low": point.low,
                "high": point.high,
                "held": point.held,
                "valid": point.valid,
                "role": point.role,
                "why": point.why_not,
            }
            for point in series.points
        ],
    }
