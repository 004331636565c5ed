"""Which precision to serve: the fastest in P99 of those that are not shown to be less right than is accepted."""

from __future__ import annotations

from collections.abc import Sequence

from exporters import DEFAULT_PRECISION
from tailbed import recommending
from tailbed.quantization.frontier import quality_of
from tailbed.results.decisions import PrecisionResult, Recommendation
from tailbed.results.schema import Cell, DeploymentFacts, Summary


def recommend(
    summary: Summary, results: Sequence[PrecisionResult], scenario: str, accuracy_loss: float
) -> Recommendation | None:
    """The study's recommendation; None where nothing was measured.

    Args:
        summary: of the experiment.
        results: of every artifact that was measured.
        scenario: label of the load that latencies are judged by.
        accuracy_loss: largest loss of accuracy or agreement that is accepted, a share. An artifact takes no part when
            it is shown to lose more: all of the loss's 95% interval lies beyond.
    """
    refused = {
        (result.format, result.precision): reason
        for result in results
        if (reason := _refusal(result, accuracy_loss)) is not None
    }

    def admitted(each: Cell | DeploymentFacts) -> bool:
        return (each.format or "", each.precision or "") not in refused

    kept = summary.model_copy(
        update={
            "cells": [cell for cell in summary.cells if admitted(cell)],
            "deployments": [each for each in summary.deployments if admitted(each)],
        }
    )
    if not any(cell.scenario == scenario for cell in kept.cells):
        return None
    found = recommending.recommend(kept, "p99", scenario=scenario)
    lost = [f"{format} {precision}: {reason}" for (format, precision), reason in refused.items()]
    chosen = next((result for result in results if found.runs and found.runs[0] in result.runs), None)
    return found.model_copy(
        update={
            "sentence": ". ".join(filter(None, (found.sentence, _about(chosen) if chosen else ""))),
            "passed_over": [*found.passed_over, *lost],
        }
    )


def _refusal(result: PrecisionResult, accuracy_loss: float) -> str | None:
    change = result.accuracy_change
    if change is not None:
        if not change.claimed or change.high >= -accuracy_loss:
            return None
        return (
            f"loses {-100 * change.estimate:.1f} points of accuracy (95% {-100 * change.high:.1f} to "
            f"{-100 * change.low:.1f}), more than the {100 * accuracy_loss:g} that are accepted"
        )
    if result.accuracy is not None or result.agreement_high is None or result.agreement is None:
        return None
    if result.agreement_high >= 1 - accuracy_loss:
        return None
    return (
        f"labels {result.agreement:.1%} as fp32 does (95% at most {result.agreement_high:.1%}), fewer than the "
        f"{1 - accuracy_loss:.1%} that are asked for"
    )


def _about(chosen: PrecisionResult) -> str:
    """How sure it is that the one recommended is as right as fp32."""
    if chosen.precision == DEFAULT_PRECISION:
        return ""
    change = chosen.accuracy_change
    if change is not None:
        verdict = "" if change.claimed else ": no difference in accuracy shown"
        return (
            f"Against fp32 its accuracy lies between {100 * change.low:+.1f} and {100 * change.high:+.1f} points "
            f"(95%, {change.items} items){verdict}"
        )
    if chosen.agreement_low is not None:
        return f"At least {chosen.agreement_low:.1%} of its labels are fp32's (95%)"
    if quality_of(chosen) is None:
        return "How right it is beside fp32 is not known"
    return ""
