"""Studies of runs that were never measured: digits as ONNX, whose true speeds and labels are known."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from exporters import Evaluation
from tailbed.quantization import conclude
from tailbed.quantization.kernels import Kernel, Kernels
from tailbed.quantization.study import Looked, Name
from tailbed.results.decisions import QuantizationStudy
from tailbed.results.schema import ArtifactFacts, DeploymentFacts, RunResult, Summary
from tests.unit.experiment.results import make_run, make_summary

LATENCY, THROUGHPUT = "closed x1", "closed x4"
ITEMS = 450
TRUTH = np.arange(ITEMS) % 10


def labels(wrong: int, *, truth: bool = True) -> Evaluation:
    """An outcome in which the first ``wrong`` items are labelled wrong."""
    predicted = TRUTH.copy()
    predicted[:wrong] = (predicted[:wrong] + 1) % 10
    return Evaluation(predicted, TRUTH if truth else None, ITEMS, "the same items")


def kernels(*found: Kernel, operators_ms: Mapping[str, float] | None = None) -> Kernels:
    """A look at an artifact."""
    return Kernels(
        kernels=found,
        source="made up",
        operators_ms=dict(operators_ms or {}),
        load_s=0.1,
        request_ms=0.2,
    )


def make_study(
    speeds: Mapping[str, float],
    *,
    blocks: int = 8,
    wrong: Mapping[str, int] | None = None,
    looks: Mapping[str, Kernels] | None = None,
    truth: bool = True,
    accuracy_loss: float = 0.005,
    invalid: tuple[str, ...] = (),
) -> tuple[QuantizationStudy, Summary]:
    """What ``conclude`` says of precisions whose times are ``speeds`` of a millisecond, fp32 among them.

    Args:
        speeds: milliseconds by precision; a P99 is twice that, and throughput its inverse.
        blocks: runs of each.
        wrong: how many items each labels wrong; 3 by default.
        looks: at the kernels.
        truth: whether there are true labels.
        accuracy_loss: as in ``conclude``.
        invalid: precisions none of whose runs is VALID.
    """
    rng = np.random.default_rng(3)
    drift = np.exp(rng.normal(0, 0.3, blocks))

    def runs(precision: str, scenario: str) -> list[RunResult]:
        times = speeds[precision] * drift * np.exp(rng.normal(0, 0.01, blocks))
        return [
            make_run(
                block + 1,
                model="digits",
                format="onnx",
                precision=precision,
                server="grpc",
                scenario=scenario,
                offered_rate=None,
                p50_ms=times[block],
                p99_ms=2 * times[block],
                throughput=1e3 / times[block],
                validity="INVALID" if precision in invalid else "VALID",
            ).model_copy(update={"run": f"runs/{precision}-{scenario}-{block + 1}"})
            for block in range(blocks)
        ]

    cells = [runs(precision, scenario) for precision in speeds for scenario in (LATENCY, THROUGHPUT)]
    summary = make_summary(cells, blocks).model_copy(
        update={
            "artifacts": [_facts(precision, 400 if precision == "fp32" else 100) for precision in speeds],
            "deployments": [_deployment(precision) for precision in speeds],
        }
    )
    looked: dict[Name, Looked] = {
        ("onnx", precision): Looked(
            labels((wrong or {}).get(precision, 3), truth=truth), (looks or {}).get(precision, kernels()), "0" * 64
        )
        for precision in speeds
    }
    study = conclude(
        summary, looked, scenarios=(LATENCY, THROUGHPUT), accuracy_loss=accuracy_loss, processor="a processor"
    )
    return study, summary


def _facts(precision: str, size: int) -> ArtifactFacts:
    return ArtifactFacts(
        model="digits",
        format="onnx",
        precision=precision,
        framework="pytorch",
        runtime="onnxruntime",
        size_bytes=size,
        export_seconds=1.5,
        accuracy=0.99,
        label_agreement=0.99,
        weights="trained",
    )


def _deployment(precision: str) -> DeploymentFacts:
    return DeploymentFacts(
        model="digits",
        format="onnx",
        precision=precision,
        server="grpc",
        protocol="http",
        runtime="onnxruntime",
        variant=None,
        settings={},
    )
