"""One run's records, reduced to its figures and judged."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from loadtest.plan import LoadPlan
from loadtest.records import Outcome, Records, outcome_name
from loadtest.scenario import Offline
from tailbed.analysis import validity
from tailbed.analysis.backlog import backlog_steady
from tailbed.analysis.percentiles import percentile, sample_floor
from tailbed.analysis.times import lag_ms, service_ms, waited_ms
from tailbed.results.schema import ColdStart, RunResult

FULL_REQUESTS = 10_000
FULL_SECONDS = 60.0
RESPONSE = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p999": 0.999}
SERVICE_AND_LAG = {"p50": 0.5, "p99": 0.99}


@dataclass(frozen=True)
class Subject:
    """What was measured, as far as it is known. A server that tailbed did not start tells little of itself."""

    model: str
    format: str | None = None
    precision: str | None = None
    runtime: str | None = None
    server: str | None = None
    cold_start: ColdStart | None = None
    exit_code: int | None = None
    """The server's exit code when it died during the run."""
    arm: str | None = None
    block: int = 1
    run: str | None = None


def summarize(records: Records, plan: LoadPlan, subject: Subject) -> RunResult:
    """Reduce a run to its figures and judge whether they may be believed."""
    facts = records.facts
    window_s = (facts.window_end_ns - facts.window_start_ns) / 1e9
    measured = ~records.warmup
    ok = records.outcome == Outcome.OK
    inside = (records.done_ns >= facts.window_start_ns) & (records.done_ns < facts.window_end_ns)
    requests = int(measured.sum())
    kinds = Counter(outcome_name(code) for code in records.outcome[measured & ~ok].tolist())
    errors = kinds.total()
    figures, missing = _percentiles(records, plan)
    lag = np.empty(0) if isinstance(plan.scenario, Offline) else lag_ms(records)
    _drop_late_tail(figures, missing, lag)
    offered = _rate(requests, window_s) if plan.scenario.scheduled else None
    # Where the load itself changes, neither the rate nor the backlog says that the server fell behind.
    steady = plan.scenario.scheduled and plan.scenario.steady
    achieved = _rate(int(inside.sum()), window_s)
    reasons = [
        validity.finished(facts.finished, max(window_s, 0.0), plan.duration_s),
        validity.server_alive(subject.exit_code),
        validity.requests_enough(requests),
        validity.errors_rare(errors, requests, kinds),
        validity.answers_right(facts.wrong, facts.checked, facts.first_wrong),
        validity.rate_held(offered if steady else None, achieved, window_s, _in_system(records, window_s)),
        _backlog(records) if steady else None,
        validity.client_not_capped(facts.cap_hits, plan.max_in_flight),
        validity.schedule_kept(percentile(lag, 0.99) if len(lag) else None, figures["p50_ms"]),
        validity.client_idle_enough(facts.client_busy),
    ]
    broken = [reason for reason in reasons if reason]
    return RunResult(
        model=subject.model,
        format=subject.format,
        precision=subject.precision,
        runtime=subject.runtime,
        server=subject.server,
        protocol=plan.protocol,
        scenario=plan.scenario.label,
        arm=subject.arm,
        offered_rate=offered,
        achieved_rate=achieved,
        throughput=_rate(int((inside & ok).sum()), window_s),
        duration_s=window_s,
        requests=requests,
        errors=errors,
        error_kinds=dict(kinds),
        **figures,
        missing=missing,
        client_busy=facts.client_busy,
        answers_checked=facts.checked,
        answers_wrong=facts.wrong,
        cold_start=subject.cold_start,
        validity="INVALID" if broken else "VALID",
        reasons=broken,
        mode="full" if requests >= FULL_REQUESTS and window_s >= FULL_SECONDS else "quick",
        seed=plan.seed,
        run=subject.run,
        block=subject.block,
        finished=facts.finished,
    )


def _percentiles(records: Records, plan: LoadPlan) -> tuple[dict[str, float | None], dict[str, str]]:
    """The percentiles by field, and by field why one is missing."""
    waited = waited_ms(records, plan.scenario)
    lag = None if waited is None else lag_ms(records)
    figures: dict[str, float | None] = {}
    missing: dict[str, str] = {}
    for prefix, values, fractions in (
        ("", waited, RESPONSE),
        ("service_", service_ms(records), SERVICE_AND_LAG),
        ("lag_", lag, SERVICE_AND_LAG),
    ):
        for name, fraction in fractions.items():
            field = f"{prefix}{name}_ms"
            if values is None:
                figures[field], missing[field] = None, "every sample is due at the start: throughput is the figure"
            else:
                figures[field] = _quote(field, values, fraction, missing)
    return figures, missing


def _drop_late_tail(figures: dict[str, float | None], missing: dict[str, str], lag: np.ndarray) -> None:
    """Take back a P99.9 that is the client's own doing: P99 of the lag, which the gate looks at, cannot see it."""
    if figures["p999_ms"] is None:
        return
    late_ms, limit_ms = percentile(lag, 0.999), validity.lag_limit_ms(figures["p50_ms"])
    if late_ms > limit_ms:
        figures["p999_ms"] = None
        missing["p999_ms"] = f"client late: P99.9 of the schedule lag is {late_ms:.2f} ms, limit {limit_ms:.2f} ms"


def _in_system(records: Records, window_s: float) -> float:
    """The mean number of requests in the system, by Little's law over those of the window."""
    took_ns = (records.done_ns - records.intended_ns)[~records.warmup].sum()
    return float(took_ns) / 1e9 / window_s if window_s > 0 else 0.0


def _backlog(records: Records) -> str | None:
    facts = records.facts
    return backlog_steady(records.intended_ns, records.done_ns, facts.window_start_ns, facts.window_end_ns)


def _quote(field: str, values: np.ndarray, fraction: float, missing: dict[str, str]) -> float | None:
    """The percentile, or None with the reason noted in ``missing``."""
    floor = sample_floor(fraction)
    if len(values) < floor:
        missing[field] = f"insufficient: {len(values)} requests, needs {floor}"
        return None
    value = percentile(values, fraction)
    if np.isinf(value):
        missing[field] = f"{np.isinf(values).mean():.1%} of the requests failed"
        return None
    return value


def _rate(count: int, window_s: float) -> float:
    return count / window_s if window_s > 0 else 0.0
