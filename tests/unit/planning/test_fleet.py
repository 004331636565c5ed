"""Replicas learned from raw records of servers whose truth is known, and fleets of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtest.records import Records
from tailbed.analysis.percentiles import percentile
from tailbed.planning.fleet import BALANCERS, NothingToLearn, ReplicaModel, predict, size_fleet
from tailbed.planning.fleet.observation import observe, servers_of
from tailbed.slo import Slo
from tests.unit.planning.servers import (
    Known,
    constant,
    exponential,
    frontend_and_model,
    frontend_on_the_models_core,
    queue,
    records,
)

SLO = Slo.parse("p99=50ms")


def of_queue(seed: int, rate: float, count: int = 20_000, servers: int = 1, mean_s: float = 1e-3) -> Records:
    rng = np.random.default_rng(seed)
    sent = np.cumsum(rng.exponential(1 / rate, count))
    return records(sent, queue(sent, rng.exponential(mean_s, count), servers))


def p99_ms(found: Records) -> float:
    return percentile((found.done_ns - found.sent_ns) / 1e6, 0.99)


@given(
    st.lists(st.tuples(st.floats(0, 3), st.floats(0.01, 2)), min_size=2, max_size=60),
    st.integers(1, 4),
)
@settings(max_examples=100)
def test_the_times_of_a_queue_are_found_again(pairs: list[tuple[float, float]], servers: int) -> None:
    gaps, times = (np.array(column) for column in zip(*pairs, strict=True))
    sent = np.cumsum(gaps + 1e-6)
    observed = observe(records(sent, queue(sent, times, servers)), servers)
    assert observed.took_s == pytest.approx(times, abs=1e-8)
    done = queue(sent, times, servers)
    assert observed.found.tolist() == [int((done[:place] > now).sum()) for place, now in enumerate(sent)]


def test_warm_up_and_failures_are_in_the_queue_but_not_in_the_times() -> None:
    sent = np.array([0.0, 1.0, 1.5, 2.0, 10.0])
    done = queue(sent, np.array([0.5, 2.0, 3.0, 1.0, 0.25]))
    observed = observe(records(sent, done, warm_s=1.2, failed=np.array([3])), 1)
    assert observed.took_s == pytest.approx([3.0, 0.25])
    assert observed.found.tolist() == [1, 0]
    assert observed.free_s == pytest.approx([-1.5, 3.0])


def test_what_the_client_was_late_by_is_not_the_servers() -> None:
    sent = np.array([0.0, 1.0, 2.0])
    late = records(sent, sent + 0.25, lag_s=0.5)
    assert observe(late, 1).took_s == pytest.approx([0.25, 0.25, 0.25])


@pytest.mark.parametrize("servers", [1, 2, 4])
def test_the_order_of_the_answers_tells_how_many_servers_there_are(servers: int) -> None:
    assert servers_of([of_queue(1, 600.0 * servers, servers=servers)]) == servers


def test_a_run_of_a_markovian_queue_predicts_another_rate() -> None:
    model = ReplicaModel.fit([of_queue(seed, rate, 60_000) for seed, rate in ((1, 300), (2, 300), (3, 500), (4, 500))])
    predicted = predict(model, rate=700, requests=20_000, repetitions=5)
    assert [round(level.rate, -2) for level in model.levels] == [300, 500]
    assert [len(level.runs) for level in model.levels] == [2, 2]
    assert predicted.estimate_ms == pytest.approx(np.log(100) / 0.3, rel=0.12)
    assert predicted.utilization == pytest.approx(0.7, rel=0.06)


@pytest.mark.parametrize("rate", [100, 400, 600])
def test_a_frontend_beside_its_model_is_predicted_at_rates_not_seen(rate: int) -> None:
    # Its capacity is 1000/s. A queue with one time for all requests, that of idle ones, would be wrong by far at 600/s:
    # it takes 1.6 ms where idle and 1 ms where busy.
    rng = np.random.default_rng(rate)
    model = ReplicaModel.fit([frontend_and_model(rng, each, 15_000) for each in (200, 500)])
    measured = np.exp(np.mean([np.log(p99_ms(frontend_and_model(rng, rate, 15_000))) for _ in range(3)]))
    predicted = predict(model, rate=rate, requests=15_000, repetitions=5)
    assert predicted.estimate_ms == pytest.approx(measured, rel=0.08)


@pytest.mark.parametrize("rate", [100, 250, 350])
def test_a_frontend_on_the_models_core_delays_what_is_computed(rate: int) -> None:
    # Its capacity is 500/s. The times of its requests, drawn independently of one another, make 15 to 33% less.
    rng = np.random.default_rng(rate)
    model = ReplicaModel.fit([frontend_on_the_models_core(rng, each, 15_000) for each in (75, 200, 300)])
    assert model.interruption_s == pytest.approx((0.5e-3, 0.5e-3, 0.5e-3), rel=0.1)
    measured = np.exp(np.mean([np.log(p99_ms(frontend_on_the_models_core(rng, rate, 15_000))) for _ in range(3)]))
    predicted = predict(model, rate=rate, requests=15_000, repetitions=5)
    assert predicted.estimate_ms == pytest.approx(measured, rel=0.08)


@pytest.mark.parametrize("rate", [250, 400])
def test_a_frontend_that_reads_several_at_once_delays_by_how_many_there_are(rate: int) -> None:
    # Were all taken to delay by the same, the P99 would come out 27% too high at 250/s, and 55% at 400/s.
    rng = np.random.default_rng(rate)
    runs = [frontend_on_the_models_core(rng, each, 15_000, 0.1e-3) for each in (75, 200, 350)]
    model = ReplicaModel.fit(runs)
    alone_s, *more_s = model.interruption_s
    assert alone_s == pytest.approx(0.5e-3, rel=0.15)
    assert more_s == pytest.approx([0.1e-3, 0.1e-3], abs=0.05e-3)
    measured = [p99_ms(frontend_on_the_models_core(rng, rate, 15_000, 0.1e-3)) for _ in range(3)]
    predicted = predict(model, rate=rate, requests=15_000, repetitions=5)
    assert predicted.estimate_ms == pytest.approx(np.exp(np.log(measured).mean()), rel=0.08)


def test_a_frontend_beside_its_model_interrupts_nothing() -> None:
    shown = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        shown.append(ReplicaModel.fit([frontend_and_model(rng, each, 15_000) for each in (200, 500)]).interruption_s)
    assert sum(each != () for each in shown) <= 1, "three standard errors: one in seven hundred"
    assert max(sum(each) for each in shown) < 0.02e-3, "and then hardly anything of its 1.6 ms"


def test_two_servers_are_predicted_as_two() -> None:
    model = ReplicaModel.fit([of_queue(seed, rate, 60_000, servers=2) for seed, rate in ((1, 600), (2, 1000))])
    assert model.servers == 2
    measured = p99_ms(of_queue(9, 1400, count=100_000, servers=2))
    assert predict(model, rate=1400, requests=20_000, repetitions=5).estimate_ms == pytest.approx(measured, rel=0.15)


def test_between_two_levels_both_count_and_beyond_them_the_last() -> None:
    rng = np.random.default_rng(1)
    slow, fast = (
        records(sent := np.arange(1, 2001) / rate, sent + took) for rate, took in ((10, 20e-3), (1000, 0.5e-3))
    )
    model = ReplicaModel.fit([slow, fast])

    def shares(rate: float) -> float:
        draw = model.draws(rate, rng)
        return float(np.mean([draw(0, 1.0, 0.0) == pytest.approx(0.5e-3) for _ in range(2000)]))

    assert shares(5) == 0
    assert shares(100) == pytest.approx(0.5, abs=0.06)
    assert shares(5000) == 1


def test_slow_times_that_come_together_are_simulated_together() -> None:
    # Stretches of 200 slow requests: as many of the same in any order queue far less.
    rng = np.random.default_rng(2)
    count = 60_000
    sent = np.cumsum(rng.exponential(1 / 500, count))
    times = np.where(np.repeat(rng.random(count // 200) < 0.1, 200), 1.9e-3, 0.9e-3)
    measured, mixed = (p99_ms(records(sent, queue(sent, each))) for each in (times, rng.permutation(times)))
    model = ReplicaModel.fit([records(sent, queue(sent, times))])
    predicted = predict(model, rate=500, requests=count, repetitions=2).estimate_ms
    assert 2 * mixed < predicted < 1.2 * measured


def test_a_closed_loop_is_looked_at_only_where_there_is_nothing_else() -> None:
    times = np.random.default_rng(1).uniform(1.9e-3, 2.1e-3, 500)
    sent = np.cumsum(times + 1e-5) - times
    closed, open_loop = records(sent, sent + times), of_queue(1, 300)
    assert ReplicaModel.fit([closed, open_loop]) == ReplicaModel.fit([open_loop])
    assert predict(ReplicaModel.fit([closed]), rate=10, arrivals="constant", requests=100).estimate_ms == pytest.approx(
        2.1, rel=0.02
    )


def test_too_few_answers_teach_nothing() -> None:
    sent = np.arange(1, 100) / 10
    with pytest.raises(NothingToLearn, match=r"^99 answered requests: a replica is learned from 100 or more$"):
        ReplicaModel.fit([records(sent, sent + 1e-3)])
    with pytest.raises(NothingToLearn, match=r"^0 answered requests"):
        ReplicaModel.fit([])


def test_a_fleet_has_the_headroom_that_was_asked_for() -> None:
    options = size_fleet(
        Known(exponential(1e-3)),
        demand_rate=2000,
        slo=SLO,
        highest_rate=800,
        headroom=0.3,
        arrivals="poisson",
        price_per_h=0.34,
    )
    assert [option.balancer for option in options] == list(BALANCERS)
    for option in options:
        assert option.replicas == 4  # 2000 / 560
        assert option.utilization == pytest.approx(0.5, rel=0.05)
        assert option.predicted_low_ms <= option.predicted_ms <= option.predicted_high_ms <= 50
        assert option.cost_per_h == pytest.approx(1.36)
        assert option.cost_per_million == pytest.approx(1.36 / 7.2)
    assert options[0].predicted_ms > options[1].predicted_ms > options[2].predicted_ms


def test_a_fleet_grows_until_the_objective_holds() -> None:
    # M/M/1 at a rate r of each replica: P99 = ln(100) / (1000 - r) s; 9.2 ms needs r <= 500.
    options = size_fleet(
        Known(exponential(1e-3)),
        demand_rate=4000,
        slo=Slo.parse("p99=9.2ms"),
        highest_rate=900,
        headroom=0.0,
        arrivals="poisson",
        price_per_h=None,
    )
    by_kind = {option.balancer: option.replicas for option in options}
    assert by_kind["random"] in (8, 9)
    assert by_kind["least-outstanding"] < by_kind["round-robin"] <= by_kind["random"]
    assert all(option.cost_per_h is None and option.cost_per_million is None for option in options)


def test_quotients_that_are_whole_numbers_need_no_replica_more() -> None:
    found = size_fleet(Known(constant(1e-4)), demand_rate=2100, slo=SLO, highest_rate=1000, headroom=0.3)
    assert {option.replicas for option in found} == {3}


def test_what_no_number_of_replicas_keeps_has_no_option() -> None:
    slow = Known(constant(60e-3))
    assert size_fleet(slow, demand_rate=2, slo=SLO, highest_rate=10, headroom=0.0, arrivals="poisson") == []
    assert size_fleet(slow, demand_rate=2, slo=SLO, highest_rate=None, headroom=0.0, arrivals="poisson") == []
