"""The Universal Scalability Law: known parameters are found again, with and without noise."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from servers import Settings
from tailbed.planning.scalability import scalability
from tailbed.planning.usl import FitError, fit_law
from tests.unit.experiment.results import make_run

CLIENTS = (1, 2, 4, 8, 16, 32)


def curve(one: float, sigma: float, kappa: float, clients: tuple[int, ...] = CLIENTS) -> dict[int, float]:
    return {n: one * n / (1 + sigma * (n - 1) + kappa * n * (n - 1)) for n in clients}


@given(st.floats(1.0, 50_000.0), st.floats(0.0, 1.2), st.floats(0.0, 0.1))
def test_known_parameters_are_found(one: float, sigma: float, kappa: float) -> None:
    law = fit_law(curve(one, sigma, kappa))
    assert law.lambda_per_s == pytest.approx(one, rel=1e-3)
    assert law.sigma == pytest.approx(sigma, abs=2e-3)
    assert law.kappa == pytest.approx(kappa, abs=1e-4)
    assert law.throughput(5) == pytest.approx(curve(one, sigma, kappa, (5,))[5], rel=1e-3)


def test_a_known_peak() -> None:
    law = fit_law(curve(1000, 0.05, 0.002))
    assert law.peak_clients == pytest.approx(math.sqrt(0.95 / 0.002), rel=1e-3)
    peak = law.peak_clients
    assert peak is not None
    assert law.peak_per_s == pytest.approx(max(law.throughput(peak * share) for share in (0.9, 1.0, 1.1)))
    assert law.r_squared == pytest.approx(1.0)


def test_contention_alone_levels_off_and_has_no_peak() -> None:
    law = fit_law(curve(1000, 0.25, 0.0))
    assert law.peak_clients is None
    assert law.peak_per_s == pytest.approx(4000, rel=1e-3)


def test_a_straight_line_has_no_peak_but_what_was_reached() -> None:
    law = fit_law(curve(100, 0.0, 0.0))
    assert law.peak_clients is None
    assert law.peak_per_s == pytest.approx(3200, rel=1e-3)


def test_more_than_proportional_growth_does_not_make_contention_negative() -> None:
    law = fit_law({n: 100.0 * n**1.2 for n in CLIENTS})
    assert law.sigma >= 0
    assert law.kappa >= 0
    assert law.r_squared < 1


def test_noise_of_two_percent_moves_the_peak_little() -> None:
    """200 noisy curves: the fit is not biased, and nearly all peaks are within a tenth of the true throughput."""
    rng = np.random.default_rng(1)
    truth = fit_law(curve(1000, 0.1, 0.004))
    laws = [
        fit_law({n: x * math.exp(rng.normal(0, 0.02)) for n, x in curve(1000, 0.1, 0.004).items()}) for _ in range(200)
    ]
    assert np.mean([law.sigma for law in laws]) == pytest.approx(0.1, abs=0.01)
    assert np.mean([law.kappa for law in laws]) == pytest.approx(0.004, abs=0.0005)
    assert np.mean([abs(law.peak_per_s / truth.peak_per_s - 1) < 0.1 for law in laws]) > 0.95


def test_three_points_are_too_few() -> None:
    with pytest.raises(FitError, match="at 3 numbers of clients, a fit needs 4"):
        fit_law(curve(100, 0.1, 0.0, (1, 2, 4)))


def runs(measured: dict[int, float], **fields: Any) -> dict[int, Any]:
    return {n: make_run(throughput=x, scenario=f"closed x{n}", client_busy=0.2, **fields) for n, x in measured.items()}


def test_a_single_instance_bends_by_contention() -> None:
    found = scalability(runs(curve(1000, 0.8, 0.0)), Settings())
    assert "Contention bends it: sigma 0.8" in found.reason
    assert "1 instance with 1 thread" in found.reason
    assert "not the client's limit" in found.reason
    assert found.peak_clients is None
    assert found.measured.keys() == found.fitted.keys() == set(CLIENTS)


def test_a_law_that_does_not_describe_what_was_measured_is_doubted() -> None:
    measured = curve(1000, 0.8, 0.0)
    found = scalability(runs(measured | {1: measured[1] * 1.08}), Settings())
    assert 0 < found.misfit[0] < 0.08
    assert "no good description" not in found.reason
    found = scalability(runs(measured | {2: measured[2] * 1.5}), Settings())
    off, clients = found.misfit
    assert clients == 2
    assert off == pytest.approx(1 - found.fitted[2] / found.measured[2])
    assert found.reason.startswith(f"The law is no good description here, {off:.0%} off at 2 clients: ")


def test_coherency_is_told_from_contention() -> None:
    found = scalability(runs(curve(1000, 0.01, 0.01)), Settings(instances=4, threads=2))
    assert "Mostly coherency" in found.reason
    assert "4 instances with 2 threads each" in found.reason
    assert found.peak_clients == pytest.approx(math.sqrt(0.99 / 0.01), rel=0.01)


def test_a_busy_client_is_named_and_its_runs_are_left_out() -> None:
    made = runs(curve(1000, 0.1, 0.0))
    made[32] = make_run(throughput=50.0, client_busy=0.9, validity="INVALID", reasons=["client busy 90%"])
    found = scalability(made, Settings())
    assert 32 not in found.measured
    assert found.sigma == pytest.approx(0.1, abs=1e-3)
    assert "From 32 clients on the load engine itself was busy" in found.reason


def test_too_few_valid_runs_are_not_fitted() -> None:
    made = runs(curve(1000, 0.1, 0.0), validity="INVALID", reasons=["it failed"])
    with pytest.raises(FitError):
        scalability(made, Settings())
