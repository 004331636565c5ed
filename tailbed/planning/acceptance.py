"""Whether a rate holds, by the runs that were made of it: pure decisions on results.

A rate is accepted by VALID runs that all keep to the objective, and rejected by the first that does not or in which
the server is saturated. What is INVALID for another reason, or lacks the percentile because the machine disturbed it,
says nothing: it is made again a few times, and then the rate counts as not shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import geometric_mean
from typing import Final

from tailbed.experiment.schedule import Outcome
from tailbed.planning.search import Verdict
from tailbed.results.decisions import LoadPoint, Role
from tailbed.results.schema import RunResult
from tailbed.slo import Slo

MOST_UNCLEAR: Final = 3
"""Attempts at runs of one rate that may say nothing, before it is given up."""


def judge_run(outcome: Outcome, slo: Slo) -> Verdict:
    """What one run says of its rate."""
    if isinstance(outcome, str):
        return Verdict("unclear", f"a run could not be measured: {outcome}")
    if outcome.held_rate is not None:
        return Verdict("saturation", outcome.reasons[0] if outcome.reasons else "the replica is saturated")
    if outcome.validity != "VALID":
        return Verdict("unclear", f"a run is INVALID: {_first_half(outcome.reasons[0])}")
    value_ms: float | None = getattr(outcome, slo.field)
    if value_ms is None:
        why = outcome.missing.get(slo.field, "it is not known")
        return Verdict("unclear", f"a run has no {slo.name}: {_first_half(why)}")
    if value_ms > slo.limit_ms:
        return Verdict("objective", f"{slo.name} is {value_ms:.3g} ms")
    return Verdict("held", f"{slo.name} is {value_ms:.3g} ms")


def _first_half(reason: str) -> str:
    """What happened; the figures of it are in the run's own result."""
    return reason.partition(";")[0]


def judge_rate(outcomes: Sequence[Outcome], slo: Slo, runs: int) -> Verdict | None:
    """What the runs of one rate say so far; None while another one is needed.

    Args:
        outcomes: in the order of measuring.
        slo: what is to be kept to.
        runs: how many VALID runs that hold accept the rate.
    """
    verdicts = [judge_run(outcome, slo) for outcome in outcomes]
    for verdict in verdicts:
        if verdict.kind in ("objective", "saturation"):
            return verdict
    held = [verdict for verdict in verdicts if verdict.held]
    if len(held) >= runs:
        return Verdict("held", f"all of {len(held)} VALID runs held: {', '.join(verdict.reason for verdict in held)}")
    # A run that the machine disturbed was made again already, as often as the suite says.
    spent = sum(
        1 if isinstance(outcome, str) else outcome.attempt
        for outcome, verdict in zip(outcomes, verdicts, strict=True)
        if verdict.kind == "unclear"
    )
    if spent < MOST_UNCLEAR:
        return None
    last = next(verdict for verdict in reversed(verdicts) if verdict.kind == "unclear")
    return Verdict("unclear", f"it is not shown to hold: {last.reason}")


def load_point(rate: float, outcomes: Sequence[Outcome], verdict: Verdict, slo: Slo, role: Role) -> LoadPoint:
    """A rate with the figures of its runs: geometric means over the VALID ones, over all where none is."""
    results = [outcome for outcome in outcomes if isinstance(outcome, RunResult)]
    valid = [result for result in results if result.validity == "VALID"]
    counted = valid or results
    return LoadPoint(
        rate=rate,
        throughput=_mean(counted, "throughput") or 0.0,
        p50_ms=_mean(counted, "p50_ms"),
        p99_ms=_mean(counted, "p99_ms"),
        slo_ms=_mean(counted, slo.field),
        held=verdict.held,
        why_not=None if verdict.held else verdict.reason,
        valid=bool(valid) and len(valid) == len(results),
        role=role,
        runs=[result.run for result in results if result.run],
    )


def _mean(results: Sequence[RunResult], field: str) -> float | None:
    """The geometric mean over the runs that have the figure."""
    values = [value for result in results if (value := getattr(result, field)) is not None]
    if len(values) < 2:
        return values[0] if values else None  # to the last digit
    return geometric_mean(values) if min(values) > 0 else 0.0
