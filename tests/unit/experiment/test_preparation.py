"""What is found before the runs decides which loads are offered."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from loadtest.scenario import OpenLoop
from servers import Deployment
from tailbed.experiment.order import order_runs
from tailbed.experiment.placement import Placement
from tailbed.experiment.preparation import Preparation, RefusedError
from tailbed.results.folder import ExperimentFolder
from tailbed.results.schema import Calibration, Capacity
from tailbed.suite import Candidate, Suite

CAPACITY = Capacity(
    model="digits",
    format="onnx",
    precision="fp32",
    runtime="onnxruntime",
    server="fastapi",
    protocol="oip-http",
    per_s=8_123.0,
    concurrency=4,
    probes={4: 8_123.0},
)
FLOOR = Calibration(
    model="digits",
    protocol="oip-http",
    scenario="poisson 200/s",
    p50_ms=0.02,
    p99_ms=0.05,
    rate=200.0,
    capacity=3_000.0,
    validity="VALID",
    reasons=[],
)


def prepared(tmp_path: Path, *rates: Any, **found: Any) -> tuple[Preparation, list[Any]]:
    """A preparation that found so much already, and the runs of a suite with these load points."""
    suite = Suite.model_validate(
        {
            "name": "s",
            "models": ["digits"],
            "formats": ["onnx"],
            "stacks": ["fastapi"],
            "scenarios": [{"kind": "open", "rates": list(rates)}],
        }
    )
    manifest = SimpleNamespace(model="digits")
    artifact: Any = SimpleNamespace(ref="digits/onnx/fp32", manifest=manifest)
    candidates = [Candidate(Deployment(artifact, "fastapi"))]
    preparation = Preparation(suite, candidates, ExperimentFolder(tmp_path), Placement(None, None), **found)
    return preparation, sorted(order_runs(suite, candidates), key=lambda run: run.place)


def test_a_share_becomes_a_rate_of_the_deployments_own(tmp_path: Path) -> None:
    preparation, (absolute, share) = prepared(tmp_path, 200, "30%", capacities=[CAPACITY])
    assert preparation.load_of(absolute) == OpenLoop(rate=200)
    assert preparation.load_of(share) == OpenLoop(rate=2440, share=0.3)


def test_a_share_of_an_unknown_capacity_is_refused(tmp_path: Path) -> None:
    other = CAPACITY.model_copy(update={"server": "grpc"})
    preparation, (run,) = prepared(tmp_path, "30%", capacities=[other])
    with pytest.raises(RefusedError, match="capacity is not known"):
        preparation.load_of(run)


def test_a_rate_above_half_of_what_the_client_can_is_refused(tmp_path: Path) -> None:
    preparation, (low, share) = prepared(tmp_path, 1_500, "30%", capacities=[CAPACITY], calibration=[FLOOR])
    assert preparation.load_of(low).label == "poisson 1500/s"
    with pytest.raises(RefusedError, match="2,440/s over oip-http is more than half of the 3,000/s"):
        preparation.load_of(share)


def test_only_what_is_missing_is_measured(tmp_path: Path) -> None:
    preparation, _ = prepared(tmp_path, "30%")
    assert [title for title, _ in preparation.steps()] == ["capacity of digits/onnx/fp32 on fastapi", "calibration"]
    done, _ = prepared(tmp_path, "30%", capacities=[CAPACITY], calibration=[FLOOR])
    assert list(done.steps()) == []
