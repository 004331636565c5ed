"""What is counted of experiments whose outcome is known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tailbed.results.schema import Summary
from tests.performance.aa_verdicts import account, count, other_floors, table, targets
from tests.unit.experiment.results import make_run, make_summary

BLOCKS = 8
LOADS = ("closed x1", "poisson 350/s")


def experiment(seed: int, twin: float = 1.0, slower: float = 1.1, invalid: Sequence[int] = ()) -> Summary:
    """Runs that scatter by 0.5%, the twin's and the slower one's times that many times those of the original."""
    rng = np.random.default_rng(seed)
    cells = []
    for server, factor in (("original", 1.0), ("twin", twin), ("slower", slower)):
        for load in LOADS:
            runs = []
            for block in range(1, BLOCKS + 1):
                p50, p99, rate = factor * np.exp(0.005 * rng.standard_normal(3))
                runs.append(
                    make_run(
                        block,
                        server=server,
                        scenario=load,
                        offered_rate=None if load == LOADS[0] else 350.0,
                        p50_ms=p50,
                        p99_ms=2 * p99,
                        throughput=1_000 / rate,
                        validity="INVALID" if block in invalid else "VALID",
                        reasons=["achieved 330/s of 350/s offered"] if block in invalid else [],
                    )
                )
            cells.append(runs)
    return make_summary(cells, BLOCKS)


def test_equal_deployments_pass_and_a_slowed_one_is_told() -> None:
    summaries = [experiment(seed) for seed in range(10)]
    counts = count(summaries)
    for load in LOADS:
        for figure in ("P50", "P99"):
            assert counts[load, figure, "twin"].compared == 10
            assert counts[load, figure, "twin"].compare <= 1
            assert counts[load, figure, "slower"].compare == counts[load, figure, "slower"].floor == 10
    assert all(met for met, _ in targets(counts, 10))


def test_twins_that_differ_miss_the_target() -> None:
    counts = count([experiment(seed, twin=1.05) for seed in range(10)])
    assert counts["closed x1", "P99", "twin"].compare == 10
    # A floor from such twins would hide the difference: it is counted beside, and decides nothing.
    assert counts["closed x1", "P99", "twin"].floor == 0
    (met, words), *_ = targets(counts, 10)
    assert not met
    assert words.startswith("40 of 40 A/A comparisons")


def test_a_claim_that_the_slowed_one_is_faster_tells_nothing() -> None:
    counts = count([experiment(seed, slower=0.9) for seed in range(3)])
    slower = counts["poisson 350/s", "P50", "slower"]
    assert (slower.compare, slower.alone, slower.floor, slower.wrong_way) == (0, 0, 0, 3)
    # More throughput is faster.
    assert counts["closed x1", "throughput", "slower"].wrong_way == 3
    assert [met for met, _ in targets(counts, 3)] == [True, False, False]


def test_too_few_blocks_are_no_comparison_and_tell_nothing() -> None:
    summaries = [experiment(seed, invalid=(1, 2, 3)) for seed in range(4)]
    counts = count(summaries)
    assert counts["closed x1", "P50", "twin"].compared == 0
    assert [met for met, _ in targets(counts, 4)] == [False, False, False]
    # All lines can be printed nevertheless.
    assert len(list(table(counts, 4, other_floors(summaries, 4)))) == 2 + 5


def test_the_floor_is_that_of_the_other_experiments() -> None:
    summaries = [experiment(0, twin=1.5), experiment(1), experiment(2)]
    assert other_floors(summaries, 0)["closed x1", "P99"] < 1.01
    assert other_floors(summaries, 1)["closed x1", "P99"] > 1.2
    assert other_floors(summaries[:1], 0) == {}


def test_every_run_is_accounted_for() -> None:
    lines = list(account([experiment(0, invalid=(1, 2))]))
    assert lines[0] == "48 runs measured in 48 attempts, 12 INVALID, 0 could not be measured"
    assert lines[1].split(" x ") == ["   12", "achieved #/s of #/s offered"]
