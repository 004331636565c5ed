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
from tailbed.analysis.disturbance import Disturbance, Evidence, Sampled, judge, spans_ns
from tailbed.analysis.own_lag import own_lag_ms
from tailbed.analysis.percentiles import percentile
from tailbed.analysis.quoting import RESPONSE, SERVICE, Quotes, quote
from tailbed.analysis.saturation import held_rate, saturation
from tailbed.results.schema import ColdStart, Resources, RunResult

FULL_REQUESTS = 10_000
FULL_SECONDS = 60.0


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
    queue_mean_ms: float | None = None
    """By the server's own metrics, as ``compute_mean_ms``; None where it has none."""
    compute_mean_ms: float | None = None
    resources: Resources | None = None
    steal: Sampled | None = None
    """What the hypervisor took from the cores of both sides; None where it is not known."""
    throttling: Sampled | None = None
    """How often their clocks were throttled; None likewise."""
    variant: str | None = None
    arm: str | None = None
    block: int = 1
    attempt: int = 1
    run: str | None = None


def summarize(records: Records, plan: LoadPlan, subject: Subject) -> RunResult:
    """Reduce a run to its figures and judge whether they may be believed."""
    facts = records.facts
    window_s = max(0.0, (facts.window_end_ns - facts.window_start_ns) / 1e9)
    measured = ~records.warmup
    ok = records.outcome == Outcome.OK
    inside = (records.done_ns >= facts.window_start_ns) & (records.done_ns < facts.window_end_ns)
    requests = int(measured.sum())
    kinds = Counter(outcome_name(code) for code in records.outcome[measured & ~ok].tolist())
    errors = kinds.total()
    quotes = quote(records, plan.scenario)
    lag = np.empty(0) if isinstance(plan.scenario, Offline) else own_lag_ms(records)
    offered = _rate(requests, window_s) if plan.scenario.scheduled else None
    # Where the load itself changes, neither the rate nor the backlog says that the server fell behind.
    steady = plan.scenario.scheduled and plan.scenario.steady
    achieved = _rate(int(inside.sum()), window_s)
    held = held_rate(records, plan.max_in_flight) if steady and subject.exit_code is None else None
    saturated = None if held is None else saturation(held, offered or 0.0)
    growing = saturated or (_backlog(records) if steady else None)
    if growing:
        # A figure of a queue that grows tells when one stopped looking.
        quotes.withdraw_all((*RESPONSE, *SERVICE), growing)
    disturbance = _disturbance(records, plan, subject, quotes)
    reasons = [
        validity.finished(facts.finished, window_s, plan.duration_s, facts.incomplete),
        validity.server_alive(subject.exit_code),
        validity.requests_enough(requests),
        validity.errors_rare(errors, requests, kinds),
        validity.answers_right(facts.wrong, facts.checked, facts.first_wrong),
        validity.client_idle_enough(facts.client_busy),
        validity.stalls_known(facts.stalls_dropped),
    ]
    if saturated:
        # What it shows in is not told beside it: no steady state, a lower rate, a backlog, and in the end a client that
        # has to wait.
        reasons.append(saturated)
    else:
        reasons += [
            validity.warmed_up(facts.unsteady),
            validity.rate_held(offered if steady else None, achieved, window_s, _in_system(records, window_s)),
            growing,
            validity.client_not_capped(facts.cap_hits, plan.max_in_flight),
            validity.schedule_kept(percentile(lag, 0.99) if len(lag) else None, quotes.figures["p50_ms"]),
        ]
    broken = [reason for reason in reasons if reason]
    return RunResult.model_validate(
        {
            "model": subject.model,
            "format": subject.format,
            "precision": subject.precision,
            "runtime": subject.runtime,
            "server": subject.server,
            "protocol": plan.protocol,
            "scenario": plan.scenario.label,
            "variant": subject.variant,
            "arm": subject.arm,
            "offered_rate": offered,
            "achieved_rate": achieved,
            "throughput": _rate(int((inside & ok).sum()), window_s),
            "duration_s": window_s,
            "requests": requests,
            "errors": errors,
            "error_kinds": dict(kinds),
            **quotes.figures,
            "early_stopping_p99_ms": quotes.early_stopping_p99_ms,
            "missing": quotes.missing,
            "disturbed": list(disturbance.reasons),
            "held_rate": held,
            "client_busy": facts.client_busy,
            "stalled_ms": disturbance.stalled_ms,
            "steal_ms": disturbance.steal_ms,
            "warmup_s": (facts.window_start_ns - facts.load_start_ns) / 1e9,
            "answers_checked": facts.checked,
            "answers_wrong": facts.wrong,
            "cold_start": subject.cold_start,
            "queue_mean_ms": subject.queue_mean_ms,
            "compute_mean_ms": subject.compute_mean_ms,
            "resources": subject.resources,
            "validity": "INVALID" if broken else "VALID",
            "reasons": broken,
            "mode": "full" if requests >= FULL_REQUESTS and window_s >= FULL_SECONDS else "quick",
            "seed": plan.seed,
            "run": subject.run,
            "block": subject.block,
            "attempt": subject.attempt,
            "finished": facts.finished,
        }
    )


def _disturbance(records: Records, plan: LoadPlan, subject: Subject, quotes: Quotes) -> Disturbance:
    """What the machine did to the run; percentiles that it may have moved are withdrawn."""
    facts = records.facts
    found = judge(
        *spans_ns(records, plan.scenario),
        (facts.window_start_ns, facts.window_end_ns),
        quotes.figures,
        RESPONSE,
        Evidence(
            gaps_ns=np.array(facts.stalls, dtype=np.int64).reshape(-1, 2) if facts.spinning else None,
            steal=subject.steal,
            throttling=subject.throttling,
        ),
    )
    for name, reason in found.reasons.items():
        quotes.withdraw(name, reason)
    return found


def _in_system(records: Records, window_s: float) -> float:
    """The mean number of requests in the system, by Little's law over those of the window."""
    took_ns = (records.done_ns - records.intended_ns)[~records.warmup].sum()
    return float(took_ns) / 1e9 / window_s if window_s > 0 else 0.0


def _backlog(records: Records) -> str | None:
    facts = records.facts
    return backlog_steady(records.intended_ns, records.done_ns, facts.window_start_ns, facts.window_end_ns)


def _rate(count: int, window_s: float) -> float:
    return count / window_s if window_s > 0 else 0.0
