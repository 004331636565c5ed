"""A replica on a core that changes its speed, of which the truth is known."""

import numpy as np
import pytest

from loadtest.records import Records
from tailbed.analysis.percentiles import percentile
from tailbed.planning.fleet import ReplicaModel, predict
from tailbed.planning.fleet.core_speed import Readings, Slowness, slowness
from tailbed.planning.fleet.simulation import simulate
from tests.unit.planning.servers import records

SLOWER = 1.6
MEAN_S = 5e-3
SECONDS = 60

Run = tuple[Records, Slowness]


def _slowness(slow_s: range) -> Slowness:
    """Read once a second in the middle of each; the readings of another run say what full speed is."""
    slow = np.zeros(2 * SECONDS, dtype=bool)
    slow[list(slow_s)] = True
    middles_s = np.arange(len(slow)) + 0.5
    found, _ = slowness([Readings(middles_s, np.where(slow, SLOWER, 1.0)), Readings(middles_s, np.ones(len(slow)))])
    return found


def _run(seed: int, rate: float, slow_s: range, felt: float = 1.0) -> Run:
    """One queue whose server takes ``SLOWER ** felt`` times as long while its core is slow, in these seconds."""
    rng = np.random.default_rng(seed)
    sent_s = np.cumsum(rng.exponential(1 / rate, round(rate * SECONDS)))
    free_s, done_s = 0.0, np.empty(len(sent_s))
    for index, (sent, took) in enumerate(zip(sent_s, rng.gamma(4, MEAN_S / 4, len(sent_s)), strict=True)):
        start = max(sent, free_s)
        free_s = done_s[index] = start + took * (SLOWER**felt if int(start) in slow_s else 1.0)
    return records(sent_s, done_s), _slowness(slow_s)


def _fitted(felt: float = 1.0) -> list[Run]:
    """Each slow for a third of the time."""
    return [
        _run(rate + number, rate, range(20 * number, 20 * number + 20), felt)
        for rate in (30, 80, 120)
        for number in (0, 1)
    ]


def _model(runs: list[Run]) -> ReplicaModel:
    return ReplicaModel.fit([found for found, _ in runs], cores=[slow for _, slow in runs])


def _p99_s(model: ReplicaModel, found: Records) -> float:
    sent_s = np.sort(found.sent_ns - found.facts.load_start_ns) / 1e9
    once = [simulate(model, sent_s, 1, None, np.random.default_rng(seed)).response_s for seed in range(10)]
    return float(np.mean([percentile(response_s, 0.99) for response_s in once]))


def test_slowness_is_that_of_the_reading_next_to_each_time() -> None:
    found = _slowness(range(10, 20))
    times_s = np.array([0.0, 9.8, 10.3, 19.8, 20.3, 1e6])
    assert found.at(times_s) == pytest.approx(np.array([1.0, 1.0, SLOWER, SLOWER, 1.0, 1.0]))


def test_one_reading_is_enough() -> None:
    (found,) = slowness([Readings(np.array([0.02]), np.array([7.5]))])
    assert found.at(np.array([0.0, 100.0])).tolist() == [1.0, 1.0]


@pytest.mark.parametrize("felt", [0.0, 0.5, 1.0])
def test_how_much_of_the_slowness_is_felt_is_found(felt: float) -> None:
    assert _model(_fitted(felt)).exponent == pytest.approx(felt, abs=0.15)


def test_of_cores_that_never_change_their_speed_nothing_is_said() -> None:
    model = _model([_run(1, 30, range(0)), _run(2, 80, range(0))])
    assert model.exponent == 0.0


@pytest.mark.parametrize("slow_s", [range(0), range(2 * SECONDS)])
def test_runs_at_another_speed_are_predicted(slow_s: range) -> None:
    runs = _fitted()
    unseen = [_run(1000 + seed, 90, slow_s) for seed in range(8)]
    measured_s = [percentile((found.done_ns - found.sent_ns) / 1e9, 0.99) for found, _ in unseen]
    model, plain = _model(runs), ReplicaModel.fit([found for found, _ in runs])
    told, without = (
        float(np.exp(np.mean(np.log(figures) - np.log(measured_s)))) - 1
        for figures in (
            [_p99_s(model.on([slow]), found) for found, slow in unseen],
            [_p99_s(plain, found) for found, _ in unseen],
        )
    )
    assert abs(told) < 0.1
    assert abs(without) > 0.2


def test_a_fleet_is_simulated_on_cores_like_those_that_were_measured() -> None:
    model = _model(_fitted())
    always_fast, always_slow = (model.on([_slowness(slow_s)]) for slow_s in (range(0), range(2 * SECONDS)))
    fast, mixed, slow = (
        predict(each, rate=160, replicas=2, balancer="round-robin", repetitions=20).estimate_ms
        for each in (always_fast, model, always_slow)
    )
    assert fast < mixed < slow
