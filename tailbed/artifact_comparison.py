"""Artifacts side by side: what each takes in room and time, how right it is, and what a precision buys."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from exporters import DEFAULT_PRECISION
from tailbed.analysis.comparison import Comparison
from tailbed.results.identity import Identity
from tailbed.results.schema import ArtifactFacts, Cell, Summary
from tailbed.verdicts import judge_pairs


@dataclass(frozen=True)
class Gain:
    """A precision beside the same artifact in fp32.

    Attributes:
        speed: P50 of fp32 and of this one, block by block, as ``verdicts`` judges it: fp32 over this, more is faster.
        size_ratio: bytes of this one over those of fp32.
        accuracy_change: this one's accuracy less that of fp32; None where there are no true labels.
    """

    speed: Comparison
    size_ratio: float
    accuracy_change: float | None


@dataclass(frozen=True)
class Row:
    """One artifact on one server under one scenario.

    Attributes:
        facts: the artifact.
        cell: what was measured on it.
        gain: None for fp32, and where the same format was not measured in fp32.
    """

    facts: ArtifactFacts
    cell: Cell
    gain: Gain | None


def compare_artifacts(summary: Summary) -> list[Row]:
    """A row for every cell whose artifact is known, in the summary's order.

    The comparisons of all precisions in one scenario are one family for Holm's correction.
    """
    facts = {(each.model, each.format, each.precision): each for each in summary.artifacts}
    speeds = {
        (Identity.of(cell), cell.scenario): (baseline, comparison) for cell, baseline, comparison in _speeds(summary)
    }
    rows = []
    for cell in summary.cells:
        known = facts.get((cell.model, cell.format or "", cell.precision or ""))
        if known is None:
            continue
        found = speeds.get((Identity.of(cell), cell.scenario))
        gain = None
        if found is not None:
            baseline, speed = found
            gain = _gain(known, facts[(baseline.model, baseline.format or "", DEFAULT_PRECISION)], speed)
        rows.append(Row(known, cell, gain))
    return rows


def precision_pairs(cells: Sequence[Cell]) -> list[tuple[Cell, Cell]]:
    """Each cell that is not in fp32, with the same one in fp32 where that was measured under the same scenario."""
    full = {(Identity.of(cell), cell.scenario): cell for cell in cells if cell.precision == DEFAULT_PRECISION}
    return [
        (cell, baseline)
        for cell in cells
        if cell.precision != DEFAULT_PRECISION
        if (baseline := full.get((Identity.of(cell)._replace(precision=DEFAULT_PRECISION), cell.scenario)))
    ]


def _speeds(summary: Summary) -> Iterator[tuple[Cell, Cell, Comparison]]:
    """Each cell that is not in fp32, the same one in fp32, and fp32's P50 over its own."""
    for scenario in dict.fromkeys(cell.scenario for cell in summary.cells):
        pairs = precision_pairs([cell for cell in summary.cells if cell.scenario == scenario])
        compared = judge_pairs([(baseline, cell) for cell, baseline in pairs], summary.blocks, "P50")
        for (cell, baseline), comparison in zip(pairs, compared, strict=True):
            yield cell, baseline, comparison


def _gain(facts: ArtifactFacts, full: ArtifactFacts, speed: Comparison) -> Gain:
    change = None if facts.accuracy is None or full.accuracy is None else facts.accuracy - full.accuracy
    return Gain(speed, facts.size_bytes / full.size_bytes, change)
