"""A cell's figures over its runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import geometric_mean, mean, median
from typing import TypeVar

import numpy as np

from tailbed.analysis.intervals import FEWEST_RUNS, Interval, run_interval
from tailbed.results.identity import Identity
from tailbed.results.schema import Cell, ColdStart, QuotedInterval, Resources, RunResult

TIMES = ("p50_ms", "p90_ms", "p99_ms", "p999_ms", "service_p50_ms", "service_p99_ms")
LAGS = ("lag_p50_ms", "lag_p99_ms")
WITH_INTERVAL = (*TIMES, "throughput")
MEDIANS = (
    "early_stopping_p99_ms",
    "held_rate",
    "queue_mean_ms",
    "compute_mean_ms",
    "client_busy",
    "stalled_ms",
    "steal_ms",
)
M = TypeVar("M", ColdStart, Resources)


def combine(runs: Sequence[RunResult], blocks: int) -> Cell:
    """Put the runs of one cell together; with one run, the cell is that run.

    The cell is VALID if enough of its runs are: all that were planned, or as many as an interval needs.

    Args:
        runs: at least one, each of another block.
        blocks: how many were planned.
    """
    runs = sorted(runs, key=lambda run: run.block)
    valid = [run for run in runs if run.validity == "VALID"]
    counted = valid or runs
    shown = _with_median_p99(counted)
    figures: dict[str, float | None] = {}
    missing: dict[str, str] = {}
    for field in (*TIMES, *LAGS):
        values, lacking = _values(counted, field)
        if lacking is not None:
            missing[field] = lacking
        figures[field] = None if lacking is not None else (median if field in LAGS else _geometric)(values)
    named = shown.model_dump(include={*Identity._fields, "scenario", "seed", "run"})
    return Cell.model_validate(
        {
            **named,
            **figures,
            "missing": missing,
            "disturbed": [field for field in missing if any(field in run.disturbed for run in counted)],
            "offered_rate": _mean([run.offered_rate for run in counted]),
            "achieved_rate": _mean([run.achieved_rate for run in counted]),
            "throughput": _geometric([run.throughput for run in counted]),
            "duration_s": median(run.duration_s for run in counted),
            "requests": sum(run.requests for run in runs),
            "errors": sum(run.errors for run in runs),
            "error_kinds": sum((Counter(run.error_kinds) for run in runs), Counter()),
            **{field: _median([getattr(run, field) for run in counted]) for field in MEDIANS},
            "warmup_s": median(run.warmup_s for run in counted),
            "resources": _by_median(Resources, [run.resources for run in counted if run.resources]),
            "answers_checked": sum(run.answers_checked for run in runs),
            "answers_wrong": sum(run.answers_wrong for run in runs),
            "cold_start": _by_median(ColdStart, [run.cold_start for run in counted if run.cold_start]),
            "validity": "VALID" if len(valid) >= min(blocks, FEWEST_RUNS) else "INVALID",
            "reasons": _reasons(runs, valid, blocks),
            "mode": "full" if all(run.mode == "full" for run in counted) else "quick",
            "intervals": _intervals(valid),
            "runs": runs,
        }
    )


def _values(runs: Sequence[RunResult], field: str) -> tuple[list[float], str | None]:
    """A figure of the runs, and why the cell has none, if it has none.

    A run whose percentile the machine disturbed is left out of that percentile, as an INVALID run is out of all, as
    long as there are runs enough for an interval. Any other reason for which a run lacks it is the cell's too.
    """
    disturbed = [run.missing[field] for run in runs if field in run.disturbed]
    others = [run.missing[field] for run in runs if field in run.missing and field not in run.disturbed]
    values = [value for run in runs if (value := getattr(run, field)) is not None]
    if others:
        return values, others[0]
    if disturbed and len(values) < FEWEST_RUNS:
        count = f"in {len(disturbed)} of {len(runs)} runs: " if len(runs) > 1 else ""
        return values, f"{count}{disturbed[0]}"
    return values, None


def _intervals(valid: Sequence[RunResult]) -> dict[str, QuotedInterval]:
    found = {}
    for field in WITH_INTERVAL:
        values = np.array([getattr(run, field) for run in valid], dtype=float)
        interval = run_interval(values)
        if isinstance(interval, Interval):
            found[field] = QuotedInterval(low=interval.low, high=interval.high, runs=interval.runs)
    return found


def _reasons(runs: Sequence[RunResult], valid: Sequence[RunResult], blocks: int) -> list[str]:
    """Why runs of the cell are INVALID or missing; kept with a VALID cell too, whose figures are without them."""
    if blocks == 1:
        return list(runs[0].reasons)
    reasons = [f"block {run.block}: {reason}" for run in runs if run not in valid for reason in run.reasons]
    reasons += [f"block {run.block}: P99 {run.missing['p99_ms']}" for run in valid if "p99_ms" in run.disturbed]
    if len(runs) < blocks:
        reasons.append(f"{len(runs)} of {blocks} blocks measured")
    return reasons


def _with_median_p99(runs: Sequence[RunResult]) -> RunResult:
    """The run to show where only one can be shown."""
    order = sorted(runs, key=lambda run: (run.p99_ms is None, run.p99_ms or run.p50_ms or 0.0))
    return order[(len(order) - 1) // 2]


def _geometric(values: Sequence[float]) -> float:
    if len(values) == 1:
        return values[0]  # to the last digit
    return geometric_mean(values) if all(value > 0 for value in values) else 0.0


def _by_median(kind: type[M], values: Sequence[M]) -> M | None:
    """The median of each field of its own, over the values that have it."""
    if not values:
        return None
    medians = {name: _median([getattr(value, name) for value in values]) for name in kind.model_fields}
    whole = {name for name in medians if kind.model_fields[name].annotation == (int | None)}
    return kind.model_validate(
        {name: round(found) if found is not None and name in whole else found for name, found in medians.items()}
    )


def _mean(values: Sequence[float | None]) -> float | None:
    present = [value for value in values if value is not None]
    return mean(present) if present else None


def _median(values: Sequence[float | None]) -> float | None:
    present = [value for value in values if value is not None]
    return median(present) if present else None
