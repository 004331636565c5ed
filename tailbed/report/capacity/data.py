"""The plan as the page tells it: deployments ranked, how they scale, and how well that was predicted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tailbed.report.section import Section
from tailbed.report.source import Link, Source
from tailbed.results.decisions import CapacityPlan, DeploymentPlan, FleetOption, Prediction, Scalability


@dataclass(frozen=True)
class Ranked:
    """One deployment of the plan, in its order.

    Attributes:
        deployment: its place among the page's.
        option: the one that is recommended: with the least replicas, and then the shortest times; None where none
            meets the demand.
    """

    deployment: int
    plan: DeploymentPlan
    option: FleetOption | None


@dataclass(frozen=True)
class Curve:
    """How one deployment's throughput grows with its clients."""

    deployment: int
    law: Scalability
    records: list[Link]


@dataclass(frozen=True)
class Checked:
    """One prediction beside what was measured.

    Attributes:
        name: of the deployment.
        deployment: its place among the page's; None where the plan names it in words only.
        behind: the real load balancer that it was measured behind; None for one replica by itself.
    """

    name: str
    deployment: int | None
    behind: str | None
    prediction: Prediction
    records: list[Link]


def prepare(source: Source) -> Section | None:
    """What the plan says; None without one."""
    plan = source.plan
    if plan is None:
        return None
    ranked = [Ranked(source.place(each), each, _recommended(each)) for each in plan.deployments]
    curves = [
        Curve(each.deployment, each.plan.scalability, source.records(each.plan.scalability.runs))
        for each in ranked
        if each.plan.scalability
    ]
    checked = [*_held_out(source, plan), *_validated(source, plan)]
    own = {
        "plan": plan,
        "ranked": ranked,
        "curves": curves,
        "checked": checked,
        "raw": source.link(source.file(CapacityPlan)),
    }
    drawn = [
        *({"kind": "scalability", **_curve(curve)} for curve in curves),
        *([{"kind": "predictions", "points": list(map(_point, checked))}] if checked else []),
    ]
    return Section("Capacity and cost", own, drawn)


def _recommended(plan: DeploymentPlan) -> FleetOption | None:
    return min(plan.fleet, key=lambda option: (option.replicas, option.predicted_ms), default=None)


def _held_out(source: Source, plan: CapacityPlan) -> Iterator[Checked]:
    for each in plan.deployments:
        for prediction in each.predictions:
            yield Checked(source.name(each), source.place(each), None, prediction, source.records(prediction.runs))


def _validated(source: Source, plan: CapacityPlan) -> Iterator[Checked]:
    for validation in plan.validations:
        for prediction in validation.predictions:
            records = source.records(prediction.runs)
            yield Checked(validation.deployment, None, validation.program, prediction, records)


def _curve(curve: Curve) -> dict[str, object]:
    law = curve.law
    return {
        "deployment": curve.deployment,
        "lambda": law.lambda_per_s,
        "sigma": law.sigma,
        "kappa": law.kappa,
        "peak_clients": law.peak_clients,
        "peak_per_s": law.peak_per_s,
        "measured": sorted(law.measured.items()),
    }


def _point(checked: Checked) -> dict[str, object]:
    prediction = checked.prediction
    return {
        "deployment": checked.deployment,
        "name": checked.name,
        "behind": checked.behind,
        "rate": prediction.rate,
        "replicas": prediction.replicas,
        "figure": prediction.figure,
        "predicted": prediction.predicted_ms,
        "measured": prediction.measured_ms,
        "error": prediction.error,
    }
