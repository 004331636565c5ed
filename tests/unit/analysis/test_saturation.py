"""A server that is asked for more than it can do is called saturated, with what it held; nothing else is."""

import numpy as np
import pytest

from loadtest.records import EngineFacts, Outcome, Records
from tailbed.analysis.saturation import held_rate, saturation
from tests.performance.queues import SERVICES, departures, poisson_arrivals, service_times

S = 1_000_000_000
CAPACITY = 500.0
WARMUP_S, WINDOW_S = 2.0, 20.0
CAP = 1024


def queue(load: float, service: str = "exponential", seed: int = 1, **facts: object) -> Records:
    """A run against a server of 500/s that works through one queue."""
    rng = np.random.default_rng(seed)
    count = int(2 * load * CAPACITY * (WARMUP_S + WINDOW_S))
    arrivals = poisson_arrivals(rng, load, (count,)) / CAPACITY
    done = departures(arrivals, service_times(rng, service, arrivals.shape) / CAPACITY)
    kept = arrivals < WARMUP_S + WINDOW_S
    return make_records(arrivals[kept], done[kept], **facts)


def make_records(arrivals_s: np.ndarray, done_s: np.ndarray, **facts: object) -> Records:
    intended_ns, done_ns = (arrivals_s * S).astype(np.int64), (done_s * S).astype(np.int64)
    known = {
        "load_start_ns": 0,
        "window_start_ns": int(WARMUP_S * S),
        "window_end_ns": int((WARMUP_S + WINDOW_S) * S),
        "finished": True,
        "client_busy": 0.1,
        "spinning": True,
        "cap_hits": 0,
        "checked": 0,
        "wrong": 0,
        "first_wrong": None,
    }
    return Records(
        intended_ns=intended_ns,
        sent_ns=intended_ns + 2_000,
        done_ns=done_ns,
        outcome=np.zeros(len(intended_ns), np.int32),
        input_index=np.zeros(len(intended_ns), np.int32),
        warmup=intended_ns < known["window_start_ns"],
        correct=np.full(len(intended_ns), -1, np.int8),
        facts=EngineFacts.model_validate(known | facts),
    )


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("load", [1.1, 1.5, 4.0])
def test_past_capacity_the_capacity_is_what_is_held(service: str, load: float) -> None:
    found = [held_rate(queue(load, service, seed), CAP) for seed in range(10)]
    assert found == pytest.approx([CAPACITY] * 10, rel=0.08)


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize(("load", "most"), [(0.3, 0), (0.7, 0), (0.9, 2)])
def test_below_capacity_it_is_rarely_called_saturated(service: str, load: float, most: int) -> None:
    named = sum(held_rate(queue(load, service, seed), CAP) is not None for seed in range(100))
    assert named <= most


@pytest.mark.parametrize("choosy", [True, False])
def test_timeouts_do_not_hide_it(choosy: bool) -> None:
    """A server that only does what it can do in time answers and drops as many as come, without end; one that does all
    in turn soon works on nothing but what nobody awaits any more."""
    limit_s = 3.0
    arrivals = np.arange(0, WARMUP_S + WINDOW_S, 1 / (1.5 * CAPACITY))
    done, free = np.empty_like(arrivals), 0.0
    for place, arrival in enumerate(arrivals):
        start = max(free, arrival)
        done[place] = start + 1 / CAPACITY
        if not choosy or done[place] < arrival + limit_s:
            free = done[place]
    late = done >= arrivals + limit_s
    records = make_records(arrivals, np.where(late, arrivals + limit_s, done))
    records.outcome[late] = Outcome.TIMEOUT
    measured = records.intended_ns >= 12 * S
    right = (records.outcome[measured] == Outcome.OK).mean()
    assert 0.6 < right < 0.7 if choosy else right == 0
    assert held_rate(records, 10_000) == pytest.approx(CAPACITY, rel=0.01)


def test_timeouts_of_the_warmup_alone_are_over() -> None:
    arrivals = np.arange(0, WARMUP_S + WINDOW_S, 1 / 1000)
    records = make_records(arrivals, np.maximum(arrivals, 1.0) + 0.001)
    records.outcome[:100] = Outcome.TIMEOUT
    assert held_rate(records, CAP) is None


def test_what_the_server_refuses_is_answered() -> None:
    arrivals = np.arange(0, WARMUP_S + WINDOW_S, 1 / 1000)
    records = make_records(arrivals, arrivals + 0.001)
    records.outcome[::2] = Outcome.HTTP + 503
    assert held_rate(records, CAP) is None


@pytest.mark.parametrize(("begin_s", "end_s"), [(8, 9), (20, 22.5), (11, 30), (3, 30)])
def test_a_server_that_stops_is_not_called_saturated(begin_s: float, end_s: float) -> None:
    arrivals = np.arange(0, WARMUP_S + WINDOW_S, 1 / 200)
    stopped = (arrivals >= begin_s) & (arrivals < end_s)
    assert held_rate(make_records(arrivals, np.where(stopped, end_s, arrivals) + 0.001), 10_000) is None


def test_the_clients_own_fault_is_not_the_servers() -> None:
    saturated = queue(1.5)
    assert held_rate(saturated, CAP) is not None
    assert held_rate(queue(1.5, client_busy=0.8), CAP) is None
    waited_ns = saturated.done_ns - saturated.intended_ns
    saturated.sent_ns[::20] += 5_000_000
    assert held_rate(saturated, CAP) is not None, "a moment's stall makes no queue"
    saturated.sent_ns[:] = saturated.intended_ns + waited_ns // 2
    assert held_rate(saturated, 100 * CAP) is None


def test_lag_of_requests_that_found_no_room_is_the_servers() -> None:
    saturated = queue(1.5, "narrow")
    # A request is sent when the one that came CAP places before it is over.
    saturated.sent_ns[CAP:] = np.maximum(saturated.sent_ns[CAP:], saturated.done_ns[:-CAP])
    assert held_rate(saturated, CAP) is not None
    assert held_rate(saturated, 100 * CAP) is None, "with room for all of them, it is the client that is late"


def test_a_run_of_no_length_is_nothing() -> None:
    assert held_rate(queue(1.5, window_end_ns=int(WARMUP_S * S)), CAP) is None


def test_a_server_that_answers_nothing_holds_no_rate() -> None:
    arrivals = np.arange(0, WARMUP_S + WINDOW_S, 1 / 100)
    records = make_records(arrivals, arrivals + 5.0)
    records.outcome[:] = Outcome.TIMEOUT
    assert held_rate(records, CAP) is None


def test_in_words() -> None:
    assert saturation(812.4, 1000.0) == "saturated: holds 812/s of the 1,000/s offered"
    assert saturation(3.25, 4.0) == "saturated: holds 3.25/s of the 4/s offered"
