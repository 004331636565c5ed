"""Deployments of one model ranked by a figure, scenario by scenario, with the verdict on each against the first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tailbed.analysis.comparison import THROUGHPUT, Comparison, blocks_needed
from tailbed.analysis.intervals import Interval
from tailbed.report.section import Section
from tailbed.report.shared.text import format_ms, format_rate
from tailbed.report.source import Link, Source
from tailbed.results.decisions import Goal
from tailbed.results.identity import Identity, natural
from tailbed.results.schema import Cell
from tailbed.verdicts import judge_pairs


class Figure(NamedTuple):
    """What deployments are ranked by."""

    field: str
    name: str
    """As ``verdicts`` names it; of a time that it does not judge, as people do."""
    unit: str
    more_is_better: bool = False


_FIGURES: dict[Goal, Figure] = {
    "p99": Figure("p99_ms", "P99", "ms"),
    "throughput": Figure("throughput", THROUGHPUT, "1/s", more_is_better=True),
    "cost": Figure("throughput", THROUGHPUT, "1/s", more_is_better=True),
    "cold-start": Figure("first_answer_ms", "first correct answer", "ms"),
}
_P99 = _FIGURES["p99"]


@dataclass(frozen=True)
class Entry:
    """One deployment in a ranking.

    Attributes:
        deployment: its place among the page's.
        low, high: the 95% interval over runs; None where there are too few.
        verdict: against the first one, in a word or two.
        shown: whether the runs show a difference to the first one.
        sentence: the verdict with its figures, or why there is none.
        records: of every run.
    """

    deployment: int
    value: float | None
    low: float | None
    high: float | None
    verdict: str
    shown: bool
    sentence: str
    records: list[Link]


@dataclass(frozen=True)
class Ranking:
    """The deployments of one model under one scenario, the best one first, those without a figure last."""

    title: str
    figure: Figure
    entries: list[Entry]


def prepare(source: Source) -> Section | None:
    """A ranking for each model and scenario with two deployments or more; None where there is none."""
    goal: Goal = source.recommended.goal if source.recommended else "p99"
    rankings = [_rank(source, cells, _FIGURES[goal], title) for title, cells in _groups(source) if len(cells) > 1]
    if not rankings:
        return None
    drawn = [
        {
            "title": ranking.title,
            "unit": ranking.figure.unit,
            "entries": [
                {
                    "deployment": entry.deployment,
                    "value": entry.value,
                    "low": entry.low,
                    "high": entry.high,
                    "verdict": entry.verdict,
                    "shown": entry.shown,
                    "text": _text(entry, ranking.figure),
                }
                for entry in ranking.entries
                if entry.value is not None
            ],
        }
        for ranking in rankings
    ]
    return Section("Ranking", {"rankings": rankings, "goal": goal, "text": _text}, drawn)


def _groups(source: Source) -> list[tuple[str, list[Cell]]]:
    """Cells of each scenario, and of each model where there are several: answers of two cannot be exchanged."""
    groups: dict[tuple[str, str], list[Cell]] = {}
    for cell in source.summary.cells:
        groups.setdefault((cell.scenario, cell.model), []).append(cell)
    several = len({cell.model for cell in source.summary.cells}) > 1
    ordered = sorted(groups.items(), key=lambda item: tuple(map(natural, item[0])))
    return [(f"{scenario}, {model}" if several else scenario, cells) for (scenario, model), cells in ordered]


def _rank(source: Source, cells: Sequence[Cell], goal: Figure, title: str) -> Ranking:
    # An open loop's throughput is what was offered, and says nothing of who is better.
    figure = _P99 if goal.name == THROUGHPUT and cells[0].offered_rate is not None else goal
    counted = [cell for cell in cells if cell.validity == "VALID" and _value(cell, figure) is not None]
    counted.sort(key=lambda cell: _value(cell, figure) or 0.0, reverse=figure.more_is_better)
    others = [cell for cell in cells if cell not in counted]
    entries = [_entry(source, cell, figure, "first", False, "the first one") for cell in counted[:1]]
    if figure.field == "first_answer_ms":
        entries += [_entry(source, cell, figure, "", False, "not judged by blocks") for cell in counted[1:]]
    else:
        compared = judge_pairs([(cell, counted[0]) for cell in counted[1:]], source.summary.blocks, figure.name)
        entries += [
            _entry(source, cell, figure, _word(found, figure), found.claimed, found.sentence())
            for cell, found in zip(counted[1:], compared, strict=True)
        ]
    entries += [_entry(source, cell, figure, *_lacking(cell, figure)) for cell in others]
    return Ranking(f"{title}: {figure.name}", figure, entries)


def _entry(source: Source, cell: Cell, figure: Figure, verdict: str, shown: bool, sentence: str) -> Entry:
    interval = cell.intervals.get(figure.field)
    return Entry(
        deployment=source.identities.index(Identity.of(cell)),
        value=_value(cell, figure) if cell.validity == "VALID" else None,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        verdict=verdict,
        shown=shown,
        sentence=sentence,
        records=source.records([run.run for run in cell.runs if run.run] or ([cell.run] if cell.run else [])),
    )


def _value(cell: Cell, figure: Figure) -> float | None:
    value: float | None = getattr(cell.cold_start if figure.field == "first_answer_ms" else cell, figure.field, None)
    return value


def _word(found: Comparison, figure: Figure) -> str:
    """How far behind the first one it is, or that this is not shown."""
    if not isinstance(found.ratio, Interval):
        return "too few runs to tell"
    if not found.claimed:
        # Then no figures whatever could have shown one.
        hopeless = found.ratio.runs < blocks_needed(found.comparisons)
        return "too few blocks to tell" if hopeless else "no difference shown"
    return f"{found.ratio.estimate:.2f}x" if figure.more_is_better else f"{found.ratio.estimate:.2f}x longer"


def _lacking(cell: Cell, figure: Figure) -> tuple[str, bool, str]:
    if cell.validity == "INVALID":
        return "INVALID", False, "; ".join(cell.reasons)
    why = cell.missing.get(figure.field, "not measured")
    return why.partition(":")[0], False, why


def _text(entry: Entry, figure: Figure) -> str:
    """The figure with its interval, as it stands beside the dot."""
    if entry.value is None:
        return "-"
    form = format_rate if figure.unit == "1/s" else format_ms
    interval = f" [{form(entry.low)}, {form(entry.high)}]" if entry.low is not None and entry.high is not None else ""
    return f"{form(entry.value)}{interval}"
