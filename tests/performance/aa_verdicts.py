"""What the experiments of ``tests.performance.aa`` show: how often which verdict was given, with the table."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from tailbed import verdicts
from tailbed.analysis.comparison import LEVEL, THROUGHPUT, Comparison
from tailbed.analysis.intervals import Interval
from tailbed.results.schema import Cell, Summary
from tests.performance.aa_experiment import ORIGINAL, SLOWER, TWIN

COUNTED = ("P50", "P99")
"""The figures whose A/A claims are counted. Throughput of a closed loop is the inverse of its times."""
MOST_CLAIMS, OF_COMPARISONS = 3, 40
TOLD = "P50"
"""The figure by which the slowed deployment has to be told: all of its requests are slower, not some."""
NEEDED_TOLD = 0.9
NEEDED_COMPARED = 0.9
"""The share of the A/A comparisons that must be possible: what cannot be compared claims nothing."""


@dataclass
class Count:
    """How often something was said of the comparisons that were made.

    Attributes:
        compare: as ``tailbed compare`` says it, Holm's correction over all pairs that the experiment compares in a
            figure, no noise floor.
        alone: the same if the pair were the only one that is compared.
        floor: as ``tailbed compare --floor`` says it, with the floor from the A/A blocks of the other experiments.
        ratios: the intervals of the ratio to the original.
        compared: comparisons with an interval.
        wrong_way: claims for which the slower one is faster.
    """

    compare: int = 0
    alone: int = 0
    floor: int = 0
    compared: int = 0
    wrong_way: int = 0
    ratios: list[Interval] = field(default_factory=list)


Key = tuple[str, str, str]
"""Scenario, figure, and which deployment is compared with the original."""


def count(summaries: Sequence[Summary]) -> dict[Key, Count]:
    """Judge every experiment as ``tailbed compare`` does, and count what is said."""
    counts: dict[Key, Count] = {}
    for index, summary in enumerate(summaries):
        floors = other_floors(summaries, index)
        plain = verdicts.within(summary, ORIGINAL, {})
        floored = verdicts.within(summary, ORIGINAL, floors)
        for verdict, with_floor in zip(plain, floored, strict=True):
            said = verdict.comparison
            found = counts.setdefault((verdict.scenario, said.figure, said.a), Count())
            if not isinstance(said.ratio, Interval):
                continue
            right = said.a == TWIN or _is_slower(said)
            found.compared += 1
            found.ratios.append(said.ratio)
            found.compare += said.claimed and right
            found.alone += _clear(said) and right
            found.floor += with_floor.comparison.claimed and right
            found.wrong_way += said.claimed and not right
    return counts


def other_floors(summaries: Sequence[Summary], index: int) -> dict[tuple[str, str], float]:
    """The noise floors by scenario and figure from the A/A blocks of all experiments but one, taken together."""
    others = [summary for place, summary in enumerate(summaries) if place != index]
    if not others:
        return {}
    cells = [
        _arm(cell, {ORIGINAL: "first", TWIN: "second"}[cell.server], number * summary.blocks)
        for number, summary in enumerate(others)
        for cell in summary.cells
        if cell.server in (ORIGINAL, TWIN)
    ]
    pooled: dict[tuple[str, str | None], Cell] = {}
    for cell in cells:
        before = pooled.setdefault((cell.scenario, cell.arm), cell)
        if before is not cell:
            before.runs.extend(cell.runs)
    blocks = sum(summary.blocks for summary in others)
    return verdicts.measure_floors(others[0].model_copy(update={"cells": list(pooled.values()), "blocks": blocks}))


def _arm(cell: Cell, arm: str, blocks_before: int) -> Cell:
    """The cell as an arm of one long experiment, its blocks behind those of the experiments before."""
    runs = [run.model_copy(update={"block": run.block + blocks_before}) for run in cell.runs]
    return cell.model_copy(update={"server": "null", "arm": arm, "runs": runs})


def _clear(said: Comparison) -> bool:
    assert isinstance(said.ratio, Interval)
    assert said.p_value is not None
    return not said.ratio.low <= 1 <= said.ratio.high and said.p_value < LEVEL


def _is_slower(said: Comparison) -> bool:
    assert isinstance(said.ratio, Interval)
    return said.ratio.estimate < 1 if said.figure == THROUGHPUT else said.ratio.estimate > 1


def table(counts: dict[Key, Count], experiments: int, floors: dict[tuple[str, str], float]) -> Iterator[str]:
    """The lines of a table, a line for each scenario and figure."""
    yield "                          A/A: claimed to differ     slowed: told apart      slowed / original        A/A"
    yield "load          figure     compare alone floor  of   compare alone floor  of  mean   min   max   width  floor"
    for scenario, figure in dict.fromkeys(key[:2] for key in counts):
        twin, slower = (counts.get((scenario, figure, name), Count()) for name in (TWIN, SLOWER))
        ratios = np.array([interval.estimate for interval in slower.ratios])
        shown = (np.exp(np.log(ratios).mean()), ratios.min(), ratios.max()) if len(ratios) else [math.nan] * 3
        width = np.median([math.sqrt(one.high / one.low) - 1 for one in twin.ratios] or [math.nan])
        floor = floors.get((scenario, figure), math.nan)
        yield (
            f"{scenario:14}{figure:10} {twin.compare:7}{twin.alone:6}{twin.floor:6}{twin.compared:4}"
            f"{slower.compare:10}{slower.alone:6}{slower.floor:6}{experiments:4}"
            + "".join(f"{value:6.3f}" for value in shown)
            + f"{100 * width:7.2f}%{floor:7.3f}"
        )


def targets(counts: dict[Key, Count], experiments: int) -> Iterator[tuple[bool, str]]:
    """Whether each target is met, and in words."""
    twins = [found for (_, figure, name), found in counts.items() if name == TWIN and figure in COUNTED]
    claims, compared = (sum(getattr(found, name) for found in twins) for name in ("compare", "compared"))
    planned = experiments * len(twins)
    allowed = MOST_CLAIMS * planned // OF_COMPARISONS
    yield (
        claims <= allowed and compared >= NEEDED_COMPARED * planned,
        f"{claims} of {compared} A/A comparisons in P50 and P99 claim a difference, allowed {allowed}"
        f" ({planned} planned)",
    )
    needed = math.ceil(NEEDED_TOLD * experiments)
    for (scenario, figure, name), found in counts.items():
        if name == SLOWER and figure == TOLD:
            yield (
                found.compare >= needed,
                f"{scenario}: the slowed one is told by its {figure} in {found.compare} of {experiments}"
                f" experiments, needed {needed}",
            )


def account(summaries: Sequence[Summary]) -> Iterator[str]:
    """What became of all runs: how many there were, which did not count, and why."""
    runs = [run for summary in summaries for cell in summary.cells for run in cell.runs]
    failures = [failure for summary in summaries for failure in summary.failures]
    invalid = [run for run in runs if run.validity == "INVALID"]
    yield (
        f"{len(runs)} runs measured in {sum(run.attempt for run in runs)} attempts, {len(invalid)} INVALID,"
        f" {len(failures)} could not be measured"
    )
    without = [
        f"no {figure}: {run.missing[name]}"
        for run in runs
        if run.validity == "VALID"
        for figure, name in verdicts.FIGURES.items()
        if name in run.missing
    ]
    for reason, times in Counter(map(_kind, [*(r for run in invalid for r in run.reasons), *without])).most_common():
        yield f"{times:5} x {reason}"
    yield from (f"FAILED  {failure}" for failure in failures)


def _kind(reason: str) -> str:
    """A reason's first part without its figures, so that like ones are counted together."""
    return re.sub(r"(?<![\w.])-?\d[\d.,]*", "#", reason.partition(";")[0])
