"""Records reduced to a cell: what is counted, what is timed, what is judged."""

from pathlib import Path

import numpy as np
import pytest

from loadtest.plan import LoadPlan
from loadtest.records import EngineFacts, Outcome, Records
from loadtest.scenario import AnyScenario, ClosedLoop, MultiStream, Offline, OpenLoop, Ramp
from tailbed.analysis.run import Subject, summarize

MS = 1_000_000
START = 5_000 * MS
WINDOW_S = 10


def make_records(
    n: int = 2000, *, latency_ms: float = 2.0, lag_ms: float = 0.01, warmup: int = 100, **facts: object
) -> Records:
    """``n`` evenly spaced requests in a window of 10 s, preceded by ``warmup`` slow ones."""
    gap = WINDOW_S * 1000 * MS // n
    intended = START + gap * np.arange(-warmup, n, dtype=np.int64)
    sent = intended + int(lag_ms * MS)
    took = np.where(intended < START, 40 * MS, int(latency_ms * MS))
    defaults: dict[str, object] = {
        "load_start_ns": START - warmup * gap,
        "window_start_ns": START,
        "window_end_ns": START + WINDOW_S * 1000 * MS,
        "finished": True,
        "client_busy": 0.1,
        "spinning": True,
        "cap_hits": 0,
        "checked": 125,
        "wrong": 0,
        "first_wrong": None,
    }
    return Records(
        intended_ns=intended,
        sent_ns=sent,
        done_ns=sent + took,
        outcome=np.zeros(n + warmup, np.int32),
        input_index=np.zeros(n + warmup, np.int32),
        warmup=intended < START,
        correct=np.full(n + warmup, -1, np.int8),
        facts=EngineFacts.model_validate(defaults | facts),
    )


def make_plan(scenario: AnyScenario | None = None) -> LoadPlan:
    scenario = scenario or OpenLoop(rate=200)
    return LoadPlan(
        protocol="oip-http",
        url="http://127.0.0.1:1",
        model="m",
        pool=Path("pool.npz"),
        scenario=scenario,
        duration_s=WINDOW_S,
    )


def test_a_clean_run() -> None:
    cell = summarize(make_records(), make_plan(), Subject(model="m"))
    assert cell.validity == "VALID"
    assert cell.reasons == []
    assert cell.requests == 2000, "warm-up is not counted"
    assert cell.p50_ms == pytest.approx(2.01)
    assert cell.p99_ms == pytest.approx(2.01), "the slow warm-up is not in the percentiles"
    assert cell.service_p50_ms == pytest.approx(2.0)
    assert cell.lag_p99_ms == pytest.approx(0.01)
    assert cell.offered_rate == pytest.approx(200)
    assert cell.achieved_rate == pytest.approx(200, rel=0.01)
    assert cell.p999_ms is None
    assert cell.missing == {"p999_ms": "insufficient: 2000 requests, needs 6636"}
    assert cell.mode == "quick"


def test_response_is_counted_from_the_intended_time() -> None:
    cell = summarize(make_records(lag_ms=30.0), make_plan(), Subject(model="m"))
    assert cell.p50_ms == pytest.approx(32.0)
    assert cell.service_p50_ms == pytest.approx(2.0)
    assert cell.validity == "INVALID"
    assert any("client late" in reason for reason in cell.reasons)


def test_failures_are_infinitely_slow_and_never_vanish() -> None:
    records = make_records()
    records.outcome[-40:] = Outcome.TIMEOUT
    cell = summarize(records, make_plan(), Subject(model="m"))
    assert cell.errors == 40
    assert cell.error_kinds == {"timeout": 40}
    assert cell.p90_ms == pytest.approx(2.01)
    assert cell.p99_ms is None
    assert cell.missing["p99_ms"] == "2.0% of the requests failed"
    assert cell.validity == "INVALID"
    assert cell.throughput < cell.achieved_rate


def test_a_server_that_falls_behind_is_invalid() -> None:
    records = make_records()
    late = records.intended_ns + ((records.intended_ns - START) * 0.1).astype(np.int64).clip(min=0) + MS
    records.done_ns[:] = np.maximum(late, records.done_ns)
    cell = summarize(records, make_plan(), Subject(model="m"))
    assert cell.reasons == ["saturated: holds 183/s of the 200/s offered"]
    assert cell.p50_ms is None
    assert cell.p99_ms is None
    assert cell.missing["p99_ms"] == cell.reasons[0]
    assert cell.held_rate == pytest.approx(183, abs=1)
    ramp = summarize(records, make_plan(Ramp(from_rate=100, to_rate=300)), Subject(model="m"))
    assert ramp.validity == "VALID", "under a load that grows, a growing backlog is no fault of the run"
    assert ramp.offered_rate == pytest.approx(200)


def test_a_closed_loop_offers_no_rate() -> None:
    cell = summarize(make_records(), make_plan(ClosedLoop(concurrency=2)), Subject(model="m"))
    assert cell.offered_rate is None
    assert cell.scenario == "closed x2"
    assert cell.validity == "VALID"


def test_too_few_requests_print_no_p99() -> None:
    cell = summarize(make_records(661), make_plan(OpenLoop(rate=66.1)), Subject(model="m"))
    assert cell.p99_ms is None
    assert cell.missing["p99_ms"] == "insufficient: 661 requests, needs 662"
    assert cell.p90_ms is not None


def test_every_gate_reaches_the_cell() -> None:
    records = make_records(
        finished=False, client_busy=0.9, cap_hits=3, wrong=1, first_wrong="scores differ", checked=10
    )
    cell = summarize(records, make_plan(), Subject(model="m", exit_code=-9))
    text = " | ".join(cell.reasons)
    for expected in ("incomplete", "died", "wrong", "client busy", "waited in the client"):
        assert expected in text


def test_a_run_without_a_request_in_its_window() -> None:
    records = make_records()
    records.warmup[:] = True
    cell = summarize(records, make_plan(), Subject(model="m"))
    assert cell.validity == "INVALID"
    assert cell.reasons[0].startswith("only 0 requests in the measured window")
    assert cell.p50_ms is None
    assert cell.missing["p50_ms"].startswith("insufficient: 0 requests")


def test_a_full_run_is_told_from_a_quick_one() -> None:
    records = make_records(12_000)
    stretched = records.facts.model_copy(update={"window_end_ns": START + 60_000 * MS})
    full = Records(**{**records.__dict__, "facts": stretched})
    assert summarize(full, make_plan(ClosedLoop()), Subject(model="m")).mode == "full"
    assert summarize(records, make_plan(), Subject(model="m")).mode == "quick"


def test_a_query_of_several_samples_takes_as_long_as_its_slowest() -> None:
    records = make_records(2000)
    records.intended_ns[:] = records.intended_ns - records.intended_ns % (40 * MS)
    records.sent_ns[:] = records.intended_ns
    records.done_ns[:] = records.intended_ns + MS
    last = np.flatnonzero(np.diff(records.intended_ns, append=0) != 0)
    records.done_ns[last] += 9 * MS
    single = summarize(records, make_plan(ClosedLoop(concurrency=8)), Subject(model="m"))
    several = summarize(records, make_plan(MultiStream()), Subject(model="m"))
    assert single.p50_ms == pytest.approx(1.0)
    assert several.p50_ms == pytest.approx(10.0)
    assert several.service_p50_ms == pytest.approx(1.0)


def test_offline_has_a_throughput_and_no_response_time() -> None:
    records = make_records(warmup=0)
    records.intended_ns[:] = START
    run = summarize(records, make_plan(Offline(samples=2000)), Subject(model="m"))
    assert run.throughput == pytest.approx(200, rel=0.01)
    assert run.p99_ms is None
    assert "throughput is the figure" in run.missing["p99_ms"]
    assert run.service_p50_ms == pytest.approx(2.0)
    assert run.validity == "VALID", "nobody was late: everything was due at the start"


def test_a_late_client_is_seen_in_few_requests_too() -> None:
    records = make_records(200)
    records.sent_ns[-20:] += 50 * MS
    records.done_ns[-20:] += 50 * MS
    run = summarize(records, make_plan(OpenLoop(rate=20)), Subject(model="m"))
    assert run.lag_p99_ms is None, "too few to quote"
    assert any("client late" in reason for reason in run.reasons), "and enough to judge"


def test_a_tail_of_the_clients_own_making_is_not_quoted() -> None:
    records = make_records(8000)
    records.sent_ns[-40:] += 50 * MS
    records.done_ns[-40:] += 50 * MS
    run = summarize(records, make_plan(OpenLoop(rate=800)), Subject(model="m"))
    assert run.validity == "VALID", "P99 stands"
    assert run.p99_ms == pytest.approx(2.01)
    assert run.p999_ms is None
    assert "P99.9 of the schedule lag is 50.01 ms" in run.missing["p999_ms"]


def test_a_disturbed_percentile_is_withdrawn_with_what_it_was() -> None:
    # The client's core is away for 50 ms eight times: some 10 requests wait each time, 4% of all.
    gaps = [(START + k * 1000 * MS, 50 * MS) for k in range(1, 9)]
    records = make_records(stalls=gaps)
    for begin, length in gaps:
        met = (records.intended_ns >= begin) & (records.intended_ns < begin + length)
        records.sent_ns[met] = begin + length
        records.done_ns[met] = begin + length + 2 * MS
    cell = summarize(records, make_plan(), Subject(model="m"))
    assert cell.p50_ms == pytest.approx(2.01)
    assert cell.p99_ms is None
    assert "p99_ms" in cell.disturbed
    assert cell.missing["p99_ms"].startswith("disturbed: the client's core was taken away for 400.0 ms in 8 gaps")
    assert cell.stalled_ms == pytest.approx(400)


def test_without_an_own_core_stalls_are_not_known() -> None:
    cell = summarize(make_records(spinning=False), make_plan(), Subject(model="m"))
    assert cell.stalled_ms is None
    assert cell.disturbed == []
