"""What is asked of the client beyond half of what it reaches with a null server is refused, with the figures."""

from pathlib import Path

import pytest

from loadtest.scenario import (
    AnyScenario,
    Bursts,
    ClosedLoop,
    MultiStream,
    Offline,
    OpenLoop,
    Ramp,
    Server,
    SingleStream,
    Step,
    Steps,
    Trace,
)
from tailbed.experiment.client_limit import null_capacity, peak_rate, refusal
from tailbed.results.schema import Calibration


def calibration(model: str, protocol: str, capacity: float) -> Calibration:
    return Calibration(
        model=model,
        protocol=protocol,
        scenario="closed x1",
        p50_ms=0.01,
        p99_ms=0.02,
        rate=1.0,
        capacity=capacity,
        validity="VALID",
        reasons=[],
    )


def test_more_than_half_is_refused() -> None:
    assert refusal(OpenLoop(rate=82_500), "oip-http", 165_000) is None
    assert refusal(OpenLoop(rate=120_000), "oip-http", 165_000) == (
        "120,000/s over oip-http is more than half of the 165,000/s that this client reaches with a null server: "
        "use a lower rate, or several client processes"
    )
    assert refusal(OpenLoop(rate=90_000, share=0.9), "oip-grpc", 165_000) is not None


@pytest.mark.parametrize(
    ("scenario", "rate"),
    [
        (OpenLoop(rate=300), 300),
        (Server(rate=300), 300),
        (Bursts(on_rate=500, off_rate=50, on_s=1, off_s=4), 500),
        (Bursts(on_rate=50, off_rate=500, on_s=1, off_s=4), 500),
        (Steps(steps=(Step(rate=100, duration_s=1), Step(rate=400, duration_s=1), Step(rate=0, duration_s=1))), 400),
        (Ramp(from_rate=10, to_rate=700), 700),
        (Ramp(from_rate=700, to_rate=10), 700),
        (ClosedLoop(concurrency=4096), None),
        (SingleStream(), None),
        (MultiStream(), None),
        (Offline(), None),
    ],
)
def test_a_pattern_counts_at_its_highest_rate(scenario: AnyScenario, rate: float | None) -> None:
    assert peak_rate(scenario) == rate
    assert (refusal(scenario, "oip-http", 500) is not None) == (rate is not None and rate > 250)


def test_a_trace_counts_at_its_fullest_second(tmp_path: Path) -> None:
    path = tmp_path / "trace.csv"
    times = [0.0, 2.0, 2.1, 2.5, 2.9, 2.99, 3.0, 3.05, 9.0]
    path.write_text("arrival_s\n" + "".join(f"{time}\n" for time in times))
    assert peak_rate(Trace(path=path)) == 6
    assert peak_rate(Trace(path=path, rate=80 / 9)) == 9, "squeezed into a tenth of its time"


def test_the_capacity_is_of_the_model_and_the_protocol() -> None:
    found = [calibration("a", "oip-http", 9.0), calibration("a", "oip-grpc", 5.0), calibration("b", "oip-http", 7.0)]
    assert null_capacity(found, "a", "oip-grpc") == 5
    assert null_capacity(found, "b", "oip-http") == 7
    assert null_capacity(found, "b", "oip-grpc") == float("inf")
    assert refusal(OpenLoop(rate=1e6), "oip-grpc", null_capacity(found, "b", "oip-grpc")) is None
