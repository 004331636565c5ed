"""Which precisions are worth having: no other one is both faster and at least as right."""

from __future__ import annotations

from collections.abc import Sequence

from exporters import DEFAULT_PRECISION
from tailbed.results.decisions import PrecisionResult


def quality_of(result: PrecisionResult) -> float | None:
    """The share that counts: accuracy; agreement with fp32 where there are no true labels, which is 1 for fp32 itself.

    None where neither is known.
    """
    if result.accuracy is not None:
        return result.accuracy
    return 1.0 if result.precision == DEFAULT_PRECISION else result.agreement


def mark_frontier(results: Sequence[PrecisionResult]) -> list[PrecisionResult]:
    """The results with those marked that no other one beats in P99 without being less right.

    What is INVALID or has no P99 takes no part. Where nothing is known of the labels, only the fastest is on it.
    """
    known = [result for result in results if result.valid and result.p99_ms is not None]
    return [
        result.model_copy(update={"on_frontier": result in known and not any(_beats(o, result) for o in known)})
        for result in results
    ]


def _beats(other: PrecisionResult, result: PrecisionResult) -> bool:
    if other.p99_ms is None or result.p99_ms is None or other.p99_ms >= result.p99_ms:
        return False
    return (quality_of(other) or 0.0) >= (quality_of(result) or 0.0)
