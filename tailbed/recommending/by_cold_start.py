"""The contest for the shortest time from the start of the process to the first correct answer."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import geometric_mean

import numpy as np

from tailbed.analysis.intervals import NoInterval, run_interval
from tailbed.recommending.contest import Contender, Contest, PassedOver
from tailbed.recommending.evidence import preparation_of, runs_of
from tailbed.recommending.numbers import time_text
from tailbed.results.identity import Identity
from tailbed.results.schema import Cell, ColdStartStudy, QuotedInterval

_FIGURE = "first-answer"


def contest_of(
    cells: Sequence[Cell], studies: Sequence[ColdStartStudy], deployments: Sequence[Identity], blocks: int
) -> Contest:
    """Deployments by the first correct answer: of the study of cold starts where there is one, else of the runs.

    Of the study those processes that had the page cache warm, as all machines can measure that. Of the runs, every
    block counts once, with the geometric mean of its VALID runs of whatever load, as that comes after it.

    Args:
        cells, studies: of one model.
        deployments: all of the model, measured or not.
    """
    if studies:
        load, unit = "fresh processes, page cache warm", "process"
        times = {Identity.of_deployment(study): [start.first_answer_ms for start in study.warm] for study in studies}
    else:
        load, unit = "the start of each run", "run"
        times = {each: _by_block(_cells_of(cells, each), blocks) for each in deployments}
    contenders, passed_over = [], []
    for deployment in deployments:
        found = times.get(deployment, [])
        if not any(found):
            passed_over.append(PassedOver(deployment, "no correct first answer was measured"))
            continue
        values = np.array(found, dtype=float)  # None becomes NaN
        folders = (preparation_of("cold-start", deployment),) if studies else runs_of(_cells_of(cells, deployment))
        contenders.append(Contender(deployment, *_figure(values), values, folders))
    return Contest(load, _FIGURE, unit, contenders, passed_over)


def _figure(times_ms: np.ndarray) -> tuple[float, str]:
    """The geometric mean, and the same in words with its interval."""
    interval = run_interval(times_ms)
    estimate = interval.estimate
    assert estimate is not None
    if isinstance(interval, NoInterval):
        return estimate, time_text(estimate)
    quoted = QuotedInterval(low=interval.low, high=interval.high, runs=interval.runs)
    return estimate, time_text(estimate, quoted)


def _cells_of(cells: Sequence[Cell], deployment: Identity) -> list[Cell]:
    return [cell for cell in cells if Identity.of(cell) == deployment]


def _by_block(cells: Sequence[Cell], blocks: int) -> list[float | None]:
    found: list[float | None] = []
    for block in range(1, blocks + 1):
        starts = [
            run.cold_start.first_answer_ms
            for cell in cells
            for run in cell.runs
            if run.block == block and run.validity == "VALID" and run.cold_start and run.cold_start.first_answer_ms
        ]
        found.append(geometric_mean(starts) if starts else None)
    return found
