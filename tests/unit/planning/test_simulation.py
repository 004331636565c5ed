"""The simulation against queues whose theory is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailbed.planning.fleet import BALANCERS, predict
from tailbed.planning.fleet.prediction import arrival_times
from tailbed.planning.fleet.simulation import Simulated, simulate
from tailbed.results.decisions.plan import Balancer
from tests.unit.planning.servers import Known, constant, exponential

LOAD = 0.7
REQUESTS = 80_000
WARM = 2_000


def run(known: Known, rate: float, replicas: int = 1, balancer: Balancer | None = None, seed: int = 1) -> Simulated:
    rng = np.random.default_rng(seed)
    return simulate(known, arrival_times("poisson", rate, REQUESTS, rng), replicas, balancer, rng)


def mean(simulated: Simulated) -> float:
    return float(simulated.response_s[WARM:].mean())


def test_exponential_times_give_the_response_times_of_m_m_1() -> None:
    # Response times are exponential with rate 1 - load (Kleinrock, Queueing Systems 1, 1975).
    found = run(Known(exponential(1.0)), LOAD)
    assert mean(found) == pytest.approx(1 / (1 - LOAD), rel=0.08)
    for share in (0.5, 0.9, 0.99):
        expected = -math.log(1 - share) / (1 - LOAD)
        assert np.quantile(found.response_s[WARM:], share) == pytest.approx(expected, rel=0.08)
    assert found.busy == pytest.approx(LOAD, rel=0.02)


@pytest.mark.parametrize(
    ("known", "first_moment", "second_moment"),
    [
        (Known(constant(1.0)), 1.0, 1.0),
        (Known(lambda rng, count: rng.gamma(4.0, 0.25, count)), 1.0, 1.25),
        (Known(lambda rng, count: rng.choice([0.5, 3.0], count, p=[0.8, 0.2])), 1.0, 2.0),
    ],
)
def test_means_are_those_of_pollaczek_and_khinchine(known: Known, first_moment: float, second_moment: float) -> None:
    expected = first_moment + LOAD * second_moment / (2 * (1 - LOAD * first_moment))
    assert mean(run(known, LOAD)) == pytest.approx(expected, rel=0.08)


def test_an_exceptional_first_service_is_that_of_welch() -> None:
    # Welch (1964): the wait is that of the usual times plus what the exceptional ones add,
    # W = l E[S2] / (2 (1 - l E[S])) + l (E[F2] - E[S2]) / (2 (1 - l (E[S] - E[F]))), and the response has F where the
    # server is idle, which it is for (1 - l E[S]) / (1 - l (E[S] - E[F])) of the requests.
    usual, first, rate = 1.0, 3.0, 0.5
    idle = (1 - rate * usual) / (1 - rate * (usual - first))
    wait = rate * 2 * usual**2 / (2 * (1 - rate * usual)) + rate * (first**2 - 2 * usual**2) / (
        2 * (1 - rate * (usual - first))
    )
    found = run(Known(exponential(usual), first=constant(first)), rate)
    assert mean(found) == pytest.approx(wait + idle * first + (1 - idle) * usual, rel=0.08)
    assert found.busy == pytest.approx(1 - idle, rel=0.03)


def test_those_who_come_later_delay_those_who_are_there() -> None:
    # Of each request's work a is done when it comes, before all else, and b when it is its turn. All that is to be done
    # is that of M/D/1, V = l (a + b)^2 / (2 (1 - l (a + b))), and who comes then waits for it, for its own a + b and
    # for the a of all who come meanwhile: (V + a + b) / (1 - l a).
    at_once, later, rate = 0.2, 0.8, 0.7
    work = rate * (at_once + later) ** 2 / (2 * (1 - rate * (at_once + later)))
    found = run(Known(constant(later), first=constant(at_once + later), interruption_s=(at_once,)), rate)
    assert found.busy == pytest.approx(rate, rel=0.02)
    assert mean(found) == pytest.approx((work + at_once + later) / (1 - rate * at_once), rel=0.05)


def test_several_servers_at_one_queue_wait_as_erlang_says() -> None:
    # Erlang's C for 2 servers and 1.4 erlangs: 0.5765; the mean wait is C / (c - a).
    assert mean(run(Known(exponential(1.0), servers=2), 1.4)) == pytest.approx(1 + 0.5765 / 0.6, rel=0.08)


def test_replicas_behind_a_random_balancer_are_queues_of_their_own() -> None:
    found = run(Known(exponential(1.0)), 2 * LOAD, 2, "random")
    for replica in range(2):
        own = found.response_s[WARM:][found.replica[WARM:] == replica]
        assert own.mean() == pytest.approx(1 / (1 - LOAD), rel=0.12)


def test_round_robin_makes_arrivals_regular() -> None:
    # Two replicas see Erlang-2 arrivals: E2/M/1, with sigma = (2 l / (2 l + 1 - sigma))^2 of the rate l of each.
    sigma = 0.5
    for _ in range(200):
        sigma = (2 * LOAD / (2 * LOAD + 1 - sigma)) ** 2
    assert mean(run(Known(exponential(1.0)), 2 * LOAD, 2, "round-robin")) == pytest.approx(1 / (1 - sigma), rel=0.08)


def test_the_shortest_queue_is_between_one_common_queue_and_round_robin() -> None:
    # One queue for all is the best that any balancer can do with exponential times.
    common = mean(run(Known(exponential(1.0), servers=4), 4 * LOAD))
    shortest, turns, random = (
        mean(run(Known(exponential(1.0)), 4 * LOAD, 4, balancer))
        for balancer in ("least-outstanding", "round-robin", "random")
    )
    assert 1.02 * common < shortest < 0.9 * turns < 0.8 * random


def test_replicas_as_many_as_requests_never_make_one_wait() -> None:
    rng = np.random.default_rng(3)
    times = arrival_times("poisson", 100.0, 500, rng)
    found = simulate(Known(constant(1.0)), times, 1000, "least-outstanding", rng)
    assert found.response_s == pytest.approx(np.ones(500))


@given(
    st.integers(1, 6),
    st.sampled_from(BALANCERS),
    st.integers(1, 3),
    st.lists(st.floats(0.0, 0.5), max_size=3).map(tuple),
    st.floats(0.05, 3.0),
    st.integers(0, 10**6),
)
@settings(max_examples=40)
def test_every_request_is_answered_once_in_order_and_not_before_its_time(
    replicas: int, balancer: Balancer, servers: int, interruption_s: tuple[float, ...], load: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    times = arrival_times("poisson", load * replicas * servers, 400, rng)
    known = Known(constant(1.0), servers=servers, interruption_s=interruption_s if servers == 1 else ())
    found = simulate(known, times, replicas, balancer, rng)
    assert len(found.response_s) == len(found.replica) == 400
    assert (found.response_s >= 1.0 - 1e-9).all()
    assert found.replica.min() >= 0
    assert found.replica.max() < replicas
    assert -1e-9 <= found.busy <= 1 + 1e-9
    done = times + found.response_s
    for replica in range(replicas):
        own = np.flatnonzero(found.replica == replica)
        # Equal times leave in the order in which they came, at most as many at once as there are servers.
        assert (np.diff(done[own]) >= -1e-9).all()
        assert (done[own][servers:] - done[own][:-servers] >= 1.0 - 1e-9).all()
    if balancer == "round-robin":
        assert (found.replica == np.arange(400) % replicas).all()


@given(st.integers(0, 10**6), st.sampled_from(["poisson", "constant"]))
@settings(max_examples=10)
def test_the_same_seed_predicts_the_same(seed: int, arrivals: str) -> None:
    known = Known(exponential(1e-3))
    one, other = (
        predict(known, rate=500, replicas=2, balancer="random", requests=200, seed=seed, repetitions=3)
        for _ in range(2)
    )
    assert one == other
    assert one.low_ms <= one.estimate_ms * (1 + 1e-9)
    assert one.estimate_ms <= one.high_ms * (1 + 1e-9)


def test_the_interval_is_what_runs_scatter_by() -> None:
    known = Known(exponential(1e-3))
    predicted = predict(known, rate=500, requests=1_000, repetitions=60)
    runs = [predict(known, rate=500, requests=1_000, repetitions=1, seed=seed).estimate_ms for seed in range(100, 160)]
    inside = np.mean([predicted.low_ms <= run <= predicted.high_ms for run in runs])
    assert inside >= 0.8
    longer = predict(known, rate=500, requests=10_000, repetitions=20)
    assert longer.high_ms - longer.low_ms < 0.6 * (predicted.high_ms - predicted.low_ms)


def test_constant_arrivals_below_capacity_never_queue() -> None:
    predicted = predict(Known(constant(1e-3)), rate=900, arrivals="constant", requests=1_000, repetitions=2)
    assert predicted.estimate_ms == pytest.approx(1.0)
    assert predicted.utilization == pytest.approx(0.9, rel=0.01)


def test_several_replicas_need_a_balancer() -> None:
    with pytest.raises(ValueError, match="2 replicas need a balancer"):
        predict(Known(constant(1e-3)), rate=1, replicas=2, requests=10, repetitions=1)
