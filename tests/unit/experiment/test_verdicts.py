"""Verdicts: what is compared with what, which runs count, and when a difference is claimed."""

import numpy as np
import pytest

from tailbed import verdicts
from tailbed.analysis.intervals import Interval
from tailbed.results.schema import RunResult, Summary
from tests.unit.experiment.results import make_run, make_summary

BLOCKS = 8
RNG = np.random.default_rng(3)
DRIFT = np.exp(RNG.normal(0, 0.2, BLOCKS))


def runs(factor: float, noise: float = 0.01, **fields: object) -> list[RunResult]:
    """One run a block: ``factor`` times a drift that all deployments share, and a little noise."""
    return [
        make_run(
            block,
            p50_ms=factor * DRIFT[block - 1] * np.exp(RNG.normal(0, noise)),
            p99_ms=3 * factor * DRIFT[block - 1] * np.exp(RNG.normal(0, noise)),
            throughput=1000 / factor * np.exp(RNG.normal(0, noise)),
            **fields,
        )
        for block in range(1, BLOCKS + 1)
    ]


def test_the_faster_deployment_is_named_in_spite_of_a_drift_that_is_larger() -> None:
    summary = make_summary([runs(1.0), runs(1.2, server="grpc", protocol="grpc")], BLOCKS)
    found = verdicts.within(summary, None, {})
    assert [verdict.comparison.figure for verdict in found] == ["P50", "P99"], "an open loop's throughput is no result"
    for verdict in found:
        assert verdict.comparison.claimed
        assert isinstance(verdict.comparison.ratio, Interval)
        assert verdict.comparison.ratio.estimate == pytest.approx(1.2, rel=0.03)
        assert verdict.comparison.sentence().startswith("grpc answers in 1.")
        assert "noise floor not measured" in verdict.comparison.sentence()


def test_the_baseline_can_be_chosen() -> None:
    summary = make_summary([runs(1.0), runs(1.2, server="grpc", protocol="grpc")], BLOCKS)
    (p50, _) = verdicts.within(summary, "grpc", {})
    assert p50.comparison.sentence().startswith("fastapi answers in 0.8")
    with pytest.raises(verdicts.CompareError, match="choose one of fastapi, grpc"):
        verdicts.within(summary, "torchserve", {})
    with pytest.raises(verdicts.CompareError, match="names 2 deployments"):
        verdicts.within(summary, "digits", {})


def test_equal_deployments_show_no_difference() -> None:
    summary = make_summary([runs(1.0, 0.1), runs(1.0, 0.1, server="grpc", protocol="grpc")], BLOCKS)
    assert not any(verdict.comparison.claimed for verdict in verdicts.within(summary, None, {}))


def test_invalid_runs_take_no_part() -> None:
    slow = [
        make_run(block, p50_ms=99.0, p99_ms=99.0, validity="INVALID", reasons=["late"], server="grpc", protocol="grpc")
        for block in range(1, BLOCKS + 1)
    ]
    summary = make_summary([runs(1.0), slow], BLOCKS)
    for verdict in verdicts.within(summary, None, {}):
        assert not verdict.comparison.claimed
        assert "0 common blocks" in verdict.comparison.sentence()


def test_throughput_is_compared_in_closed_loops() -> None:
    closed = {"scenario": "closed x1", "offered_rate": None}
    summary = make_summary([runs(1.0, **closed), runs(0.5, server="grpc", protocol="grpc", **closed)], BLOCKS)
    found = {verdict.comparison.figure: verdict.comparison for verdict in verdicts.within(summary, None, {})}
    assert isinstance(found["throughput"].ratio, Interval)
    assert found["throughput"].ratio.estimate == pytest.approx(2.0, rel=0.03)
    assert found["throughput"].sentence().startswith("grpc serves ")


def aa(noise: float) -> Summary:
    return make_summary([runs(1.0, noise, arm="first"), runs(1.0, noise, arm="second")], BLOCKS)


def test_the_noise_floor_keeps_small_differences_from_being_claimed() -> None:
    floors = verdicts.measure_floors(aa(0.2))
    assert set(floors) == {("poisson 200/s", "P50"), ("poisson 200/s", "P99")}
    assert all(floor > 1.02 for floor in floors.values())
    summary = make_summary([runs(1.0), runs(1.015, 0.001, server="grpc", protocol="grpc")], BLOCKS)
    assert all(verdict.comparison.claimed for verdict in verdicts.within(summary, None, {}))
    judged = verdicts.within(summary, None, floors)
    assert not any(verdict.comparison.claimed for verdict in judged)
    assert "noise floor" in judged[0].comparison.sentence()


def test_an_aa_experiment_compares_each_deployment_with_itself() -> None:
    found = verdicts.within(aa(0.1), None, {})
    assert len(found) == 2
    assert "second" in found[0].comparison.a
    assert "first" in found[0].comparison.b
    with pytest.raises(verdicts.CompareError, match="--aa"):
        verdicts.measure_floors(make_summary([runs(1.0)], BLOCKS))


def test_a_regression_between_experiments_is_found() -> None:
    old, slower = make_summary([runs(1.0)], BLOCKS), make_summary([runs(1.2)], BLOCKS)
    found = verdicts.between(old, slower, {})
    assert found[0].comparison.sentence().startswith("new digits/onnx/fp32 fastapi answers in 1.")
    assert found[0].regressed(0.05)
    assert not found[0].regressed(0.5)
    assert not any(verdict.regressed(0.0) for verdict in verdicts.between(slower, old, {})), "faster is no regression"


def test_a_loss_of_throughput_is_a_regression() -> None:
    closed = {"scenario": "closed x1", "offered_rate": None}
    found = verdicts.between(
        make_summary([runs(1.0, **closed)], BLOCKS), make_summary([runs(1.3, **closed)], BLOCKS), {}
    )
    assert {verdict.comparison.figure for verdict in found if verdict.regressed(0.1)} == {"P50", "P99", "throughput"}


def test_nothing_in_common_is_told() -> None:
    with pytest.raises(verdicts.CompareError, match="no cell in common"):
        verdicts.between(make_summary([runs(1.0)], BLOCKS), make_summary([runs(1.0, model="other")], BLOCKS), {})
    with pytest.raises(verdicts.CompareError, match="no two deployments"):
        verdicts.within(make_summary([runs(1.0)], BLOCKS), None, {})
