"""The plan, put together from what was measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from tailbed.planning.course import Findings
from tailbed.planning.demand import Demand
from tailbed.planning.modelling import Modelled, NoModelError, model_fleet
from tailbed.planning.scalability import scalability
from tailbed.planning.usl import FitError
from tailbed.planning.words import answer, needs
from tailbed.results.decisions import CapacityPlan, DeploymentPlan, FleetOption, HighestRate, LoadPoint, Validation

NOT_SEARCHED = "its search was not finished"


def assemble(
    demand: Demand,
    findings: Sequence[Findings],
    folder: Path,
    tell: Callable[[str], None],
    validations: Sequence[Validation] = (),
) -> CapacityPlan:
    """Simulate fleets of all deployments, rank them, and say what to use.

    Args:
        demand: what is to be held.
        findings: what was measured, a deployment each.
        folder: the experiment's, for the raw records.
        tell: told in words what is computed now.
        validations: fleets that were measured.
    """
    notes: list[str] = []
    planned = []
    for found in findings:
        tell(f"simulating {found.candidate.title}")
        plan, own_notes = _plan_of(found, demand, folder)
        planned.append(plan)
        notes += [f"{found.candidate.title}: {note}" for note in own_notes]
    ranked = sorted(planned, key=_rank)
    return CapacityPlan(
        slo=demand.slo,
        rate=demand.rate,
        arrivals=demand.arrivals,
        headroom=demand.headroom,
        price_per_h=demand.price.per_h if demand.price else None,
        currency=demand.price.currency if demand.price else None,
        deployments=ranked,
        validations=list(validations),
        answer=answer(ranked, demand),
        notes=[*notes, *_first_look(demand), *_assumptions(findings)],
    )


def recommended(fleet: Sequence[FleetOption]) -> FleetOption | None:
    """The option with the fewest replicas, of several the one with the least percentile; None where there is none."""
    return min(fleet, key=lambda option: (option.replicas, option.predicted_ms), default=None)


def _plan_of(found: Findings, demand: Demand, folder: Path) -> tuple[DeploymentPlan, list[str]]:
    """The plan of one deployment, and what a reader must know of it."""
    candidate, notes = found.candidate, _withdrawn(found, demand)
    manifest = candidate.artifact.manifest
    highest = found.highest or HighestRate(per_s=None, low=None, high=None, limited_by="unclear", reason=NOT_SEARCHED)
    law = None
    if found.closed:
        try:
            law = scalability(found.closed, candidate.deployment.settings)
        except FitError as error:
            notes.append(f"no Universal Scalability Law: {error}")
    modelled, no_model = Modelled([], []), None
    if highest.per_s is not None:
        try:
            modelled = model_fleet(found, demand, folder)
        except NoModelError as error:
            no_model = f"no fleet could be simulated: {error}"
        else:
            notes += [
                f"the held-out rate {point.rate:,.10g}/s checks nothing: {point.why_not}"
                for point in found.points
                if point.role == "held-out" and not modelled.predictions
            ]
    best = recommended(modelled.fleet)
    plan = DeploymentPlan(
        model=manifest.model,
        format=manifest.export,
        precision=manifest.precision,
        server=candidate.stack,
        protocol=candidate.protocol,
        runtime=candidate.runtime,
        variant=candidate.variant,
        points=found.points,
        highest=highest,
        swept=swept(found.points),
        scalability=law,
        predictions=modelled.predictions,
        fleet=modelled.fleet,
        replicas=best.replicas if best else None,
        needs="",
    )
    return plan.model_copy(update={"needs": needs(plan, best, demand, no_model)}), notes


def swept(points: Sequence[LoadPoint]) -> float | None:
    """The highest rate of the sweep up to which all held; None where none was made, or none held."""
    highest = None
    for point in sorted((point for point in points if point.role == "sweep"), key=lambda point: point.rate):
        if not point.held:
            break
        highest = point.rate
    return highest


def _rank(plan: DeploymentPlan) -> tuple[bool, int, float]:
    """The fewest replicas first, which are the cheapest since all cost alike; of as many the one with most to spare."""
    return plan.replicas is None, plan.replicas or 0, -(plan.highest.per_s or 0.0)


def _withdrawn(found: Findings, demand: Demand) -> list[str]:
    field = demand.slo.field
    without = [result for result in found.results.values() if field in result.disturbed]
    if not without:
        return []
    return [
        f"{demand.slo.name} was withdrawn in {len(without)} of {len(found.results)} runs, since the machine disturbed "
        "them: a quieter machine may show that more holds"
    ]


def _first_look(demand: Demand) -> list[str]:
    return ["a first look: one run was enough to take a rate for held"] if demand.runs == 1 else []


def _assumptions(findings: Sequence[Findings]) -> list[str]:
    cores = {found.candidate.deployment.cores for found in findings}
    counted = {len(one) for one in cores if one}
    on = f"{min(counted)} core{'s' * (min(counted) > 1)}" if len(counted) == 1 else "the cores"
    return [
        f"a replica is the deployment on {on} of this machine; one on another machine is another replica",
        "a simulated balancer and its network take no time; tailbed plan --validate measures a real one",
    ]
