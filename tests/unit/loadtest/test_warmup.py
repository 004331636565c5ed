"""The rule of windows on warm-up curves whose end is known, and on queues that are steady from the start."""

import numpy as np
import pytest

from loadtest.warmup import WindowRule
from tests.performance.queues import departures, poisson_arrivals, service_times, steady_after

MS = 1_000_000
S = 1000 * MS


def evenly(rate: int, seconds: int) -> np.ndarray:
    return np.arange(rate * seconds, dtype=np.int64) * (S // rate)


def end_s(intended_ns: np.ndarray, took_ms: np.ndarray, seconds: int, *, open_loop: bool = True) -> int | str:
    return steady_after(intended_ns, intended_ns + (took_ms * MS).astype(np.int64), seconds, open_loop=open_loop)


def test_a_server_that_is_steady_from_the_start_takes_five_seconds() -> None:
    assert end_s(evenly(200, 20), np.full(4000, 2.0), 20) == 5


def test_and_as_many_more_as_500_answers_take() -> None:
    assert end_s(evenly(50, 20), np.full(1000, 2.0), 20) == pytest.approx(11, abs=1)


def test_three_windows_after_a_step() -> None:
    # Compiled after 8 s: five times faster from then on. The windows from 8 to 11 are the first three alike.
    intended_ns = evenly(200, 30)
    took_ms = np.where(intended_ns < 8 * S, 10.0, 2.0)
    took_ms[intended_ns < 8 * S] *= np.linspace(2, 1, 1600)  # not steady before it either
    assert end_s(intended_ns, took_ms, 30) == pytest.approx(11, abs=1)


@pytest.mark.parametrize("tau_s", [2.0, 5.0])
def test_an_exponential_approach_ends_when_three_windows_agree(tau_s: float) -> None:
    def curve(second: np.ndarray | float) -> np.ndarray:
        return 2 + 8 * np.exp(-second / tau_s)

    intended_ns = evenly(500, 60)
    noise = np.exp(0.1 * np.random.default_rng(1).standard_normal(len(intended_ns)))
    found = end_s(intended_ns, curve(intended_ns / S) * noise, 60)
    assert isinstance(found, int)
    assert curve(found - 2.5) / curve(found - 0.5) < 1.13, "10%, and what the noise of two medians adds"
    assert found == 5 or curve(found - 3.5) / curve(found - 1.5) > 1.07, "and not before"


def test_a_drift_without_an_end() -> None:
    intended_ns = evenly(500, 30)
    took_ms = 2 * np.exp(intended_ns / S / 10)
    assert end_s(intended_ns, took_ms, 30) == (
        "not steady after 30 s: the median response time keeps rising, by 22% over the last 3 windows"
    )


def test_a_growing_queue_is_not_steady_while_its_growth_shows() -> None:
    rng = np.random.default_rng(2)
    arrivals = poisson_arrivals(rng, 1.3, (30_000,))
    response = departures(arrivals, service_times(rng, "narrow", arrivals.shape)) - arrivals
    found = end_s((arrivals * MS).astype(np.int64), response, 20)
    assert isinstance(found, str), (
        "by the time it grows by less than 10% in three windows, the backlog gate has to see it"
    )


def test_a_closed_loop_is_judged_by_its_rate() -> None:
    # One client after another comes up in the first 10 s: ever more answers a second, each as fast as before.
    second = np.arange(30)
    rates = np.where(second < 10, 110 + 30 * second, 400)
    intended_ns = np.concatenate([at * S + np.arange(n) * (S // n) for at, n in zip(second, rates, strict=True)])
    took_ms = np.full(len(intended_ns), 0.5)
    assert end_s(intended_ns, took_ms, 30, open_loop=False) == pytest.approx(12, abs=1)
    assert end_s(intended_ns, took_ms, 30, open_loop=True) == 5, "an open loop's arrivals are not the server's doing"


def test_too_short_to_tell() -> None:
    assert end_s(evenly(200, 4), np.ones(800), 4) == ("not steady after 4 s: 800 answers, needs 500 in at least 5 s")
    assert end_s(evenly(10, 15), np.ones(150), 15) == (
        "not steady after 15 s: 1 windows of 100 answers or more, needs 3"
    )
    assert end_s(evenly(200, 0), np.ones(0), 0) == "not steady after 0 s: 0 windows of 100 answers or more, needs 3"


@pytest.mark.parametrize(("per_s", "until_s"), [(100, 30), (40, 30), (39, 31), (10, 120), (2, 600), (1, 30), (0, 30)])
def test_a_load_that_is_too_slow_for_its_limit_gets_longer_where_that_helps(per_s: int, until_s: int) -> None:
    rule = WindowRule()
    for _ in range(30):
        rule.add_second(np.full(per_s, 2.0), per_s)
    second = 30
    while rule.needs_longer(30):
        rule.add_second(np.full(per_s, 2.0), per_s)
        second += 1
    assert second == until_s


def test_and_not_once_it_stops_answering() -> None:
    rule = WindowRule()
    for second in range(300):
        rule.add_second(np.full(10 if second < 40 else 0, 2.0), 10)
        if second >= 30 and not rule.needs_longer(30):
            break
    assert second == 200, "400 answers by then are no longer 600 within 300 s"


@pytest.mark.parametrize("service", ["narrow", "exponential", "wide"])
@pytest.mark.parametrize("load", [0.3, 0.7, 0.9])
def test_a_steady_queue_is_let_in_soon(service: str, load: float) -> None:
    # 200 requests/s; within 10% alone, most of these queues would not be let in within a minute.
    ends = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        arrivals = poisson_arrivals(rng, load, (8_000,))
        response = departures(arrivals, service_times(rng, service, arrivals.shape)) - arrivals
        stretch = 1000 * load / 200
        ends.append(end_s((arrivals * stretch * MS).astype(np.int64), response * stretch, 30))
    assert all(isinstance(end, int) and end <= 15 for end in ends)
    assert np.median(ends) <= 7
