"""Conclusions that nobody drew: plans, studies and recommendations to make pages of."""

from __future__ import annotations

from typing import Any

from tailbed.results.decisions import (
    CapacityPlan,
    Change,
    DeploymentPlan,
    FleetOption,
    HighestRate,
    LoadPoint,
    PrecisionResult,
    Prediction,
    QuantizationStudy,
    Ratio,
    Recommendation,
    Recommendations,
    Scalability,
    Validation,
)
from tailbed.slo import Slo

LIMIT_MS = 5.0


def make_point(rate: float, ms: float | None, *, valid: bool = True, **fields: Any) -> LoadPoint:
    """A rate of a deployment: held where it is VALID and within ``LIMIT_MS``."""
    held = valid and ms is not None and ms <= LIMIT_MS
    return LoadPoint.model_validate(
        {
            "rate": rate,
            "throughput": rate if held else 0.97 * rate,
            "p50_ms": None if ms is None else 0.3 * ms,
            "p99_ms": ms,
            "slo_ms": ms,
            "held": held,
            "why_not": None if held else "P99 is beyond 5 ms" if ms is not None else "saturated: it held 2,610/s",
            "valid": valid,
            "role": "search",
            "runs": [],
            **fields,
        }
    )


def make_deployment_plan(**fields: Any) -> DeploymentPlan:
    """digits as ONNX on FastAPI, which holds 2,400/s and needs two replicas, but for ``fields``."""
    return DeploymentPlan.model_validate(
        {
            "model": "digits",
            "format": "onnx",
            "precision": "fp32",
            "server": "fastapi",
            "protocol": "http",
            "runtime": "onnxruntime",
            "points": [
                make_point(500, 0.9),
                make_point(1000, 1.4, role="model"),
                make_point(1680, 2.2, role="held-out"),
                make_point(2000, 2.9),
                make_point(2400, 4.4),
                make_point(2500, 6.3),
                make_point(3000, None, valid=False),
            ],
            "highest": HighestRate(
                per_s=2400,
                low=2400,
                high=2500,
                limited_by="objective",
                reason="holds P99 within 5 ms up to 2,400/s; at 2,500/s P99 is 6.3 ms",
            ),
            "scalability": Scalability(
                lambda_per_s=1900,
                sigma=0.21,
                kappa=0.018,
                r_squared=0.996,
                peak_clients=6.6,
                peak_per_s=4420,
                measured={1: 1893.0, 2: 3050.0, 4: 4120.0, 8: 4380.0, 16: 3300.0},
                fitted={1: 1900.0, 2: 3048.0, 4: 4105.0, 8: 4371.0, 16: 3281.0},
                reason="21% of the work is done one after the other, and each pair of clients costs 1.8%",
                runs=[],
            ),
            "predictions": [
                make_prediction(rate=1680, predicted_ms=2.31, measured_ms=2.2),
                make_prediction(rate=1680, figure="P50", predicted_ms=0.64, measured_ms=0.66),
            ],
            "fleet": [
                make_option("random", 3, 2.9),
                make_option("round-robin", 2, 4.1),
                make_option("least-outstanding", 2, 3.3),
            ],
            "replicas": 2,
            "needs": "2 replicas behind least outstanding, each busy for 62% of its time",
            **fields,
        }
    )


def make_prediction(**fields: Any) -> Prediction:
    """P99 of one replica, but for ``fields``."""
    told = {"replicas": 1, "balancer": None, "figure": "P99", "runs": [], **fields}
    return Prediction.model_validate(told | {"error": told["predicted_ms"] / told["measured_ms"] - 1})


def make_option(balancer: str, replicas: int, ms: float) -> FleetOption:
    """Replicas behind a balancer, at 0.34 an hour each for 2,000/s."""
    cost = 0.34 * replicas
    return FleetOption.model_validate(
        {
            "balancer": balancer,
            "replicas": replicas,
            "utilization": 1.24 / replicas,
            "predicted_ms": ms,
            "predicted_low_ms": 0.95 * ms,
            "predicted_high_ms": 1.06 * ms,
            "cost_per_h": cost,
            "cost_per_million": cost / 2000 / 3600 * 1e6,
        }
    )


def make_plan(**fields: Any) -> CapacityPlan:
    """2,000/s within 5 ms at P99: ONNX on FastAPI needs two replicas, TorchScript cannot; but for ``fields``."""
    slow = make_deployment_plan(
        format="torchscript",
        runtime="torchscript",
        points=[make_point(100, 5.9), make_point(200, 8.0)],
        highest=HighestRate(
            per_s=None, low=None, high=100, limited_by="objective", reason="even at 100/s P99 is 5.9 ms"
        ),
        scalability=None,
        predictions=[],
        fleet=[],
        replicas=None,
        needs="no number of replicas meets P99 within 5 ms: one by itself has 5.9 ms at 100/s",
    )
    return CapacityPlan.model_validate(
        {
            "slo": Slo(percentile="p99", limit_ms=LIMIT_MS),
            "rate": 2000,
            "arrivals": "poisson",
            "headroom": 0.3,
            "price_per_h": 0.34,
            "currency": "USD",
            "deployments": [make_deployment_plan(), slow],
            "validations": [
                Validation(
                    balancer="round-robin",
                    program="HAProxy 2.6.12",
                    deployment="digits/onnx/fp32 on fastapi",
                    predictions=[
                        make_prediction(
                            rate=3000, replicas=2, balancer="round-robin", predicted_ms=4.2, measured_ms=4.7
                        )
                    ],
                    note="both replicas share one core with the balancer",
                )
            ],
            "answer": "2 replicas of digits/onnx/fp32 on fastapi hold P99 within 5 ms at 2,000 requests a second, for"
            " 0.68 USD an hour.",
            "notes": ["The load engine shares a machine with the replicas."],
            **fields,
        }
    )


def make_ratio(estimate: float, *, claimed: bool = True) -> Ratio:
    """A ratio over eight blocks."""
    return Ratio(
        estimate=estimate,
        low=0.96 * estimate,
        high=1.04 * estimate,
        blocks=8,
        claimed=claimed,
        sentence=f"int8 answers in {estimate:.2f}x of fp32's P99 time" if claimed else "no difference shown",
    )


def make_precision(precision: str, p99_ms: float, accuracy: float | None, **fields: Any) -> PrecisionResult:
    """digits as ONNX in a precision, but for ``fields``."""
    change = None
    if accuracy is not None and precision != "fp32":
        change = Change(
            estimate=accuracy - 0.97,
            low=accuracy - 0.98,
            high=accuracy - 0.962,
            p_value=0.3,
            method="exact McNemar test",
            items=450,
            claimed=False,
        )
    ratio = None if precision == "fp32" else make_ratio(p99_ms / 2.0, claimed=p99_ms < 1.8)
    return PrecisionResult.model_validate(
        {
            "model": "digits",
            "format": "onnx",
            "precision": precision,
            "runtime": "onnxruntime",
            "valid": True,
            "p50_ms": 0.4 * p99_ms,
            "p99_ms": p99_ms,
            "throughput": 2500 / p99_ms,
            "size_bytes": 620_000,
            "peak_memory_bytes": 91_000_000,
            "first_answer_ms": 310.0,
            "p50_ratio": ratio,
            "p99_ratio": ratio,
            "throughput_ratio": ratio,
            "size_ratio": None if precision == "fp32" else 0.26,
            "memory_ratio": None if precision == "fp32" else 0.97,
            "cold_start_ratio": None if precision == "fp32" else 1.02,
            "accuracy": accuracy,
            "accuracy_change": change,
            "agreement": None,
            "agreement_low": None,
            "agreement_high": None,
            "computes_in": ["avx512_vnni"] if "int8" in precision else ["avx512f"],
            "computes_in_source": "kernels' names in the runtime's own profile",
            "on_frontier": False,
            "runs": [],
            "artifact_sha256": "0" * 64,
            **fields,
        }
    )


def make_study(**fields: Any) -> QuantizationStudy:
    """fp32 and two int8 of digits as ONNX on FastAPI, but for ``fields``."""
    return QuantizationStudy.model_validate(
        {
            "model": "digits",
            "server": "fastapi",
            "latency_scenario": "poisson 200/s",
            "throughput_scenario": "closed x1",
            "blocks": 8,
            "processor": "AMD EPYC",
            "instruction_sets": ["avx512f", "avx512_vnni"],
            "quality": "accuracy on 450 held-out items",
            "no_verdict": None,
            "accuracy_loss": 0.01,
            "results": [
                make_precision("fp32", 2.0, 0.97, on_frontier=True),
                make_precision("int8-static", 0.9, 0.965, on_frontier=True),
                make_precision("int8-dynamic", 1.9, 0.96),
            ],
            "findings": ["dynamic int8 gained nothing: 0.95x of fp32's P99 time, no difference shown."],
            "recommendation": make_recommendation(
                sentence="Use onnx int8-static: 2.2 times faster at P99, 0.5 points of accuracy less."
            ),
            **fields,
        }
    )


def make_recommendation(**fields: Any) -> Recommendation:
    """ONNX before TorchScript, shown by the runs, but for ``fields``."""
    return Recommendation.model_validate(
        {
            "model": "digits",
            "goal": "p99",
            "slo": None,
            "scenario": "poisson 200/s",
            "deployment": "onnx",
            "figure": "P99 0.39 ms [0.37, 0.41]",
            "runner_up": "torchscript",
            "runner_up_figure": "P99 0.61 ms [0.60, 0.63]",
            "shown": True,
            "comparison": "onnx answers in 0.64x [0.61, 0.67] of torchscript's P99 time",
            "as_good": [],
            "sentence": "For P99, use onnx: 0.39 ms, 0.64x [0.61, 0.67] of torchscript.",
            "passed_over": [],
            "runs": [],
            **fields,
        }
    )


def make_recommendations(*recommendations: Recommendation, **fields: Any) -> Recommendations:
    """For P99."""
    told = {"goal": "p99", "price_per_h": None, "currency": None, "recommendations": list(recommendations)}
    return Recommendations.model_validate(told | fields)
