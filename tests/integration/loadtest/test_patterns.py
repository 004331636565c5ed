"""The load that reaches a server is the one that was asked for, by what was really sent to a null server."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from loadtest.arrivals import schedule
from loadtest.queries import query_index, query_response_ms
from loadtest.records import Outcome, Records
from loadtest.scenario import (
    Bursts,
    ClosedLoop,
    MultiStream,
    Offline,
    OpenLoop,
    Ramp,
    Scheduled,
    Server,
    SingleStream,
    Step,
    Steps,
    Trace,
)
from tests.integration.loadtest.engines import ITEMS, make_plan, measure, most_at_once, running
from tests.integration.loadtest.test_null_server import null_server

TENSORS = ("--input", "x:float32:batch,4", "--output", "y:float32:batch,4")
SEED = 21


def run(folder: Path, scenario, **fields) -> Records:
    """The scenario against a null server; every request is answered."""
    with null_server(*TENSORS) as (url, _):
        found = measure(folder, url, scenario=scenario, seed=SEED, **fields)
    assert (found.outcome == Outcome.OK).all()
    assert found.facts.finished
    assert found.facts.cap_hits == 0
    return found


def run_schedule(folder: Path, scenario: Scheduled, *, duration_s: float) -> tuple[np.ndarray, np.ndarray]:
    """Seconds at which requests were to be sent and were sent. What was intended is the schedule, exactly."""
    found = run(folder, scenario, duration_s=duration_s)
    intended_ns = found.intended_ns - found.facts.window_start_ns
    assert np.array_equal(intended_ns, schedule(scenario, length_s=duration_s, seed=SEED))
    assert np.array_equal(found.input_index, np.arange(len(intended_ns)) % ITEMS)
    assert (found.sent_ns >= found.intended_ns).all()
    return intended_ns / 1e9, (found.sent_ns - found.facts.window_start_ns) / 1e9


@pytest.mark.parametrize("scenario", [OpenLoop(rate=250), Server(rate=250)], ids=lambda scenario: scenario.label)
def test_poisson_arrivals_have_exponential_gaps(tmp_path: Path, scenario: Scheduled):
    intended_s, sent_s = run_schedule(tmp_path, scenario, duration_s=3)
    exponential = stats.expon(scale=1 / scenario.rate).cdf
    assert stats.kstest(np.diff(intended_s, prepend=0), exponential).pvalue > 0.01
    # Four deviations of a Poisson count.
    assert abs(len(sent_s) - 750) < 4 * np.sqrt(750)
    # Sent times have what a noisy machine adds. Constant gaps would be at a distance of 0.63.
    assert stats.kstest(np.diff(np.sort(sent_s), prepend=0), exponential).statistic < 0.2


def test_constant_arrivals_are_evenly_apart(tmp_path: Path):
    intended_s, sent_s = run_schedule(tmp_path, OpenLoop(arrivals="constant", rate=200), duration_s=2)
    assert np.abs(intended_s - np.arange(400) / 200).max() < 1.5e-9
    # No drift: a client that sleeps relative to its last send is late by the sum of all that it was late before.
    assert stats.linregress(intended_s, sent_s).slope == pytest.approx(1, abs=0.1)
    assert np.median(np.diff(sent_s)) == pytest.approx(1 / 200, rel=0.2)


@pytest.mark.parametrize("arrivals", ["poisson", "constant"])
def test_bursts_keep_their_duty_cycle(tmp_path: Path, arrivals: str):
    scenario = Bursts(arrivals=arrivals, on_rate=800, off_rate=40, on_s=0.25, off_s=0.5)
    intended_s, sent_s = run_schedule(tmp_path, scenario, duration_s=3)
    # 200 while on, 20 while off, four times.
    on, off = np.bincount(intended_s % 0.75 >= 0.25, minlength=2)
    spread = 4 if arrivals == "poisson" else 0
    assert abs(on - 800) <= spread * np.sqrt(800)
    assert abs(off - 80) <= spread * np.sqrt(80)
    assert np.mean(sent_s % 0.75 < 0.25) == pytest.approx(on / (on + off), abs=0.1)


def test_steps_and_pauses_come_one_after_the_other(tmp_path: Path):
    steps = [(100.0, 0.5), (600.0, 0.5), (0.0, 0.5), (300.0, 0.5)]
    scenario = Steps(steps=tuple(Step(rate=rate, duration_s=duration_s) for rate, duration_s in steps))
    intended_s, sent_s = run_schedule(tmp_path, scenario, duration_s=2)
    wanted = np.array([50, 300, 0, 150])
    counts = np.bincount((intended_s // 0.5).astype(int), minlength=4)
    assert (np.abs(counts - wanted) <= 4 * np.sqrt(wanted)).all()
    sent = np.bincount(np.minimum(sent_s // 0.5, 3).astype(int), minlength=4)
    assert (np.abs(sent - counts) <= 0.1 * len(sent_s)).all()


def test_a_ramp_climbs_evenly(tmp_path: Path):
    intended_s, sent_s = run_schedule(tmp_path, Ramp(from_rate=0, to_rate=600), duration_s=2)
    assert abs(len(sent_s) - 600) < 4 * np.sqrt(600)
    # The integral of the rate is (t / 2 s)^2 of all of it, which is the distribution of the times.
    assert stats.kstest(intended_s, lambda time_s: (time_s / 2) ** 2).pvalue > 0.01
    assert stats.kstest(sent_s, lambda time_s: np.clip(time_s / 2, 0, 1) ** 2).statistic < 0.15


def test_a_trace_is_replayed_exactly(tmp_path: Path):
    times_s = np.round(np.cumsum(np.random.default_rng(3).lognormal(-6, 1.5, 300)), 6)
    path = tmp_path / "trace.csv"
    path.write_text("arrival_s\n" + "".join(f"{time}\n" for time in times_s.tolist()))
    intended_s, _ = run_schedule(tmp_path, Trace(path=path), duration_s=1.5)
    assert np.array_equal(np.rint(intended_s * 1e6), np.rint(times_s[times_s < 1.5] * 1e6))
    # At twice the rate, twice as much of it fits in.
    rate = 2 * 299 / (times_s[-1] - times_s[0])
    intended_s, _ = run_schedule(tmp_path, Trace(path=path, rate=rate), duration_s=0.75)
    assert np.abs(2 * intended_s - times_s[times_s < 1.5]).max() < 5e-9


def test_a_trace_that_is_none_ends_the_run_with_its_row(tmp_path: Path):
    path = tmp_path / "trace.csv"
    path.write_text("arrival_s\n1\nx\n")
    with running(tmp_path, make_plan(tmp_path, "http://127.0.0.1:1", scenario=Trace(path=path))) as engine:
        event = engine.event()
        assert engine.process.wait() == 1
    assert event["message"] == f"{path}: row 3: arrival_s is 'x', not a number of seconds"


@pytest.mark.parametrize("think", ["exponential", "constant"])
def test_clients_of_a_closed_loop_think(tmp_path: Path, think: str):
    clients, think_s, duration_s = 4, 0.05, 3.0
    scenario = ClosedLoop(concurrency=clients, think_s=think_s, think=think)
    found = run(tmp_path, scenario, duration_s=duration_s)
    assert most_at_once(found) <= clients
    # By Little's law each client sends once in think_s + response; the null server answers at once, though what the
    # machine adds makes it fewer.
    most = clients * duration_s / think_s
    assert 0.5 * most < len(found.intended_ns) < most + clients + 4 * np.sqrt(most)
    since_s = (found.intended_ns - found.facts.window_start_ns) / 1e9
    if think == "constant":
        # They begin spread over one pause, and in any stretch as long as a pause none can begin twice.
        assert since_s[:4] == pytest.approx([0, 0.0125, 0.025, 0.0375], abs=1e-6)
        assert (since_s[clients:] - since_s[:-clients]).min() >= think_s
    else:
        # Clients that pause without regard of one another make a Poisson process, nearly.
        gaps = np.diff(since_s)
        assert stats.kstest(gaps, stats.expon(scale=gaps.mean()).cdf).statistic < 0.2


def test_single_stream_has_one_request_out_and_the_next_when_it_is_answered(tmp_path: Path):
    found = run(tmp_path, SingleStream(), duration_s=0.5)
    assert most_at_once(found) == 1
    assert np.array_equal(found.intended_ns[1:], found.done_ns[:-1])


def test_multi_stream_sends_a_query_of_eight_and_the_next_when_all_are_answered(tmp_path: Path):
    found = run(tmp_path, MultiStream(), warmup_s=0.2, duration_s=0.5)
    query = query_index(found)
    sizes = np.bincount(query)
    assert len(sizes) > 10
    assert (sizes == 8).all()
    assert most_at_once(found) <= 8
    intended_ns = found.intended_ns.reshape(-1, 8)
    last_ns = found.done_ns.reshape(-1, 8).max(axis=1)
    assert np.array_equal(intended_ns[1:, 0], last_ns[:-1]), "the next query is due when the last answer is there"
    measured = intended_ns[:, 0] >= found.facts.window_start_ns
    assert np.array_equal(query_response_ms(found), ((last_ns - intended_ns[:, 0]) / 1e6)[measured])


def test_offline_ends_with_its_last_sample(tmp_path: Path):
    found = run(tmp_path, Offline(samples=1500, outstanding=32), warmup_s=0.2, duration_s=60)
    assert np.count_nonzero(~found.warmup) == 1500
    warmup = found.warmup
    assert np.count_nonzero(warmup) > 0
    # The query has the server for itself.
    assert found.done_ns[warmup].max() <= found.facts.window_start_ns <= found.intended_ns[~warmup].min()
    assert found.facts.window_end_ns == found.done_ns.max() + 1
    assert found.facts.window_end_ns - found.facts.window_start_ns < 60e9
    assert 16 < most_at_once(found) <= 32


def test_offline_that_does_not_end_in_time_has_what_was_answered(tmp_path: Path):
    found = run(tmp_path, Offline(samples=10_000_000, outstanding=4), duration_s=0.5)
    assert 0 < found.facts.window_end_ns - found.facts.window_start_ns <= 500_000_000
    assert found.intended_ns.max() < found.facts.window_end_ns
    assert 0 < len(found.intended_ns) < 10_000_000


@pytest.mark.parametrize(
    "scenario", [MultiStream(samples=3), Offline(samples=12, outstanding=3), ClosedLoop(concurrency=3, think_s=0.01)]
)
def test_a_server_that_is_not_there_is_not_hammered(tmp_path: Path, scenario):
    found = measure(tmp_path, "http://127.0.0.1:1", scenario=scenario, duration_s=1)
    assert (found.outcome == Outcome.REFUSED).all()
    assert 3 <= len(found.outcome) <= 33
