"""Every run that is INVALID or was disturbed, with the reason and the folder that has its evidence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tailbed.analysis.core_speed import uneven_speed
from tailbed.report.section import Section
from tailbed.report.source import Link, Source
from tailbed.results.identity import Identity
from tailbed.results.schema import Cell, Measurement


class Doubt(NamedTuple):
    """One run that is INVALID, or of which figures were withdrawn."""

    name: str
    scenario: str
    block: int
    verdict: str
    reasons: Sequence[str]
    raw: Link | None


def prepare(source: Source) -> Section:
    """All of them; the section also says that there is none, and whether the server's cores were always as fast."""
    doubts = [doubt for cell in source.summary.cells for doubt in _of(source, cell)]
    runs = sum(len(cell.runs) or 1 for cell in source.summary.cells)
    uneven = uneven_speed(source.summary.cells)
    return Section("Validity, run by run", {"doubts": doubts, "runs": runs, "uneven": uneven})


def _of(source: Source, cell: Cell) -> Iterator[Doubt]:
    measured: Sequence[Measurement] = cell.runs or [cell]
    for block, run in enumerate(measured, start=1):
        disturbed = [f"{_percentile(field)} {run.missing.get(field, 'disturbed')}" for field in run.disturbed]
        if run.validity == "INVALID" or disturbed:
            yield Doubt(
                source.names[Identity.of(cell)],
                cell.scenario,
                getattr(run, "block", block),
                run.validity,
                [*run.reasons, *disturbed],
                source.link(f"{run.run}/", "run") if run.run else None,
            )


def _percentile(field: str) -> str:
    """``p99_ms`` as people write it."""
    name = field.removesuffix("_ms").replace("_", " ").upper()
    return "P99.9:" if name == "P999" else f"{name}:"
