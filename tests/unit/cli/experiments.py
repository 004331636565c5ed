"""Runs that are only told of, at times of the test's own."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from loadtest.scenario import ClosedLoop, OpenLoop
from servers import Deployment
from tailbed.experiment.order import Run, order_runs
from tailbed.results.schema import RunResult
from tailbed.suite import Candidate, Suite
from tests.unit.experiment.results import make_run


def make_suite(**fields: Any) -> Suite:
    """Two scenarios, runs of 8 s after a warm-up of 5 s."""
    given: dict[str, Any] = {
        "name": "mine",
        "models": ("digits",),
        "formats": ("onnx",),
        "stacks": ("fastapi", "grpc"),
        "scenarios": (ClosedLoop(), OpenLoop(rate=200)),
        "warmup_s": 5.0,
        "duration_s": 8.0,
    }
    return Suite(**given | fields)


def make_runs(suite: Suite, deployments: int = 2) -> list[Run]:
    """All runs of so many deployments."""
    artifact: Any = SimpleNamespace(ref="digits/onnx/fp32", folder=Path())
    served = [Candidate(Deployment(artifact, "fastapi"), f"setting-{number}") for number in range(deployments)]
    return order_runs(suite, served)


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def valid(**fields: Any) -> RunResult:
    """A run without a flaw."""
    return make_run(**fields)


def invalid(reason: str) -> RunResult:
    """A run that broke a gate."""
    return make_run(validity="INVALID", reasons=[reason])


def disturbed(reason: str, attempt: int = 1) -> RunResult:
    """A VALID run whose P99 was withdrawn."""
    missing = {"p99_ms": reason, "p999_ms": "insufficient"}
    return make_run(p99_ms=None, missing=missing, disturbed=["p99_ms"]).model_copy(update={"attempt": attempt})
