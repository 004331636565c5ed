"""A replica on a core that changes its speed, of which the truth is known."""

import numpy as np
import pytest

from tailbed.analysis.percentiles import percentile
from tailbed.planning.fleet import ReplicaModel
from tailbed.planning.fleet.simulation import simulate
from tests.performance.core_speed import AtFullSpeed, Run, full_speed
from tests.unit.planning.servers import records

FULL_NS, SLOWER = 7500, 1.6
MEAN_S = 5e-3


def _run(seed: int, rate: float, slow_s: range, felt: float = 1.0, seconds: int = 60) -> Run:
    """One queue whose server takes ``SLOWER ** felt`` times as long while its core is slow, in these seconds."""
    rng = np.random.default_rng(seed)
    sent_s = np.cumsum(rng.exponential(1 / rate, round(rate * seconds)))
    slow = np.zeros(2 * seconds, dtype=bool)
    slow[list(slow_s)] = True
    free_s, done_s = 0.0, np.empty(len(sent_s))
    for index, (sent, took) in enumerate(zip(sent_s, rng.gamma(4, MEAN_S / 4, len(sent_s)), strict=True)):
        start = max(sent, free_s)
        free_s = done_s[index] = start + took * (SLOWER**felt if slow[int(start)] else 1.0)
    found = records(sent_s, done_s)
    middles_ns = found.facts.load_start_ns + (np.arange(len(slow)) * 10**9 + 5 * 10**8)
    return Run(found, middles_ns, np.where(slow, FULL_NS * SLOWER, FULL_NS))


def _fitted(felt: float = 1.0) -> dict[str, list[Run]]:
    rates = (30, 80, 120)
    return {f"{rate}/s": [_run(rate + n, rate, range(20 * n, 20 * n + 20), felt) for n in (0, 1)] for rate in rates}


def _p99_s(model: AtFullSpeed | ReplicaModel, run: Run) -> float:
    sent_s = np.sort(run.found.sent_ns - run.found.facts.load_start_ns) / 1e9
    replica = model.beside(run, sent_s) if isinstance(model, AtFullSpeed) else model
    once = [simulate(replica, sent_s, 1, None, np.random.default_rng(seed)).response_s for seed in range(10)]
    return float(np.mean([percentile(response_s, 0.99) for response_s in once]))


def test_full_speed_is_that_of_the_fastest_readings() -> None:
    assert full_speed([_run(1, 30, range(60)), _run(2, 30, range(20))]) == FULL_NS


@pytest.mark.parametrize("felt", [0.5, 1.0])
def test_how_much_of_the_slowness_is_felt_is_found(felt: float) -> None:
    assert AtFullSpeed.fit(_fitted(felt), FULL_NS).exponent == pytest.approx(felt, abs=0.15)


def test_a_core_that_never_changes_its_speed_says_nothing() -> None:
    levels = {"30/s": [_run(1, 30, range(0))], "80/s": [_run(2, 80, range(0))]}
    assert AtFullSpeed.fit(levels, FULL_NS).exponent == 1.0


@pytest.mark.parametrize("slow_s", [range(0), range(60)])
def test_runs_at_another_speed_are_predicted(slow_s: range) -> None:
    runs = _fitted()
    unseen = [_run(1000 + seed, 90, slow_s) for seed in range(8)]
    measured_s = [percentile((run.found.done_ns - run.found.sent_ns) / 1e9, 0.99) for run in unseen]
    plain = ReplicaModel.fit([run.found for level in runs.values() for run in level])
    with_speed, without = (
        np.exp(np.mean(np.log([_p99_s(model, run) for run in unseen]) - np.log(measured_s))) - 1
        for model in (AtFullSpeed.fit(runs, FULL_NS), plain)
    )
    assert abs(with_speed) < 0.1
    assert abs(without) > 0.2
