"""A plan in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tailbed.planning.demand import Demand, money
from tailbed.results.decisions import DeploymentPlan, FleetOption

_HIDDEN: Final = {
    "unclear": "disturbed or INVALID runs hid whether a replica holds more",
    "client": "this client can offer a replica no more",
}
"""Why the highest rate of a replica may be too low, by what ended its search."""


def name_of(plan: DeploymentPlan, *, model: bool) -> str:
    """A deployment in few words: ``onnx/int8-static on fastapi``, after its model's name where that is asked for."""
    artifact = f"{plan.model}/" * model + f"{plan.format}/{plan.precision}"
    return f"{artifact} on {plan.server}" + (f" with {plan.variant}" if plan.variant else "")


def names_of(plans: Sequence[DeploymentPlan]) -> list[str]:
    """A name for each, with the model where there are several."""
    several = len({plan.model for plan in plans}) > 1
    return [name_of(plan, model=several) for plan in plans]


def needs(plan: DeploymentPlan, option: FleetOption | None, demand: Demand, no_model: str | None = None) -> str:
    """What a deployment needs, or why it cannot meet the demand, in one sentence.

    Args:
        plan: of the deployment.
        option: the recommended one; None where there is none.
        demand: what is to be held.
        no_model: why nothing could be simulated; None where it was.
    """
    highest = plan.highest
    if highest.per_s is None:
        return f"cannot be shown to keep {demand.slo} at any rate: {highest.reason}"
    if option is None:
        why = no_model or f"no number of replicas is predicted to hold {demand.rate:,.10g}/s"
        return f"one replica holds {highest.per_s:,.10g}/s with {demand.slo}, but {why}"
    said = f"{_replicas(option)} {_verb(option)} {_held(option, demand)}{_one(plan, option, demand)}"
    hidden = _HIDDEN.get(highest.limited_by) if option.replicas > 1 else None
    return f"{said} (fewer may do: {hidden})" if hidden else said


def answer(ranked: Sequence[DeploymentPlan], demand: Demand) -> str:
    """The recommendation in one sentence.

    Args:
        ranked: all deployments, the recommended one first.
    """
    able = [plan for plan in ranked if plan.replicas is not None]
    if not able:
        what = f"{demand.rate:,.10g}/s with {demand.slo}"
        if len(ranked) == 1:
            return f"no number of replicas is shown to hold {what}: {names_of(ranked)[0]} {ranked[0].needs}"
        return f"none of the {len(ranked)} deployments is shown to hold {what} with any number of replicas"
    names = dict(zip(map(id, ranked), names_of(ranked), strict=True))
    best = able[0]
    equal = [names[id(plan)] for plan in able[1:] if plan.replicas == best.replicas]
    also = f"; {' and '.join(equal)} need{'s' * (len(equal) == 1)} as many" if equal else ""
    return f"use {names[id(best)]}: {best.needs}{also}"


def _held(option: FleetOption, demand: Demand) -> str:
    cost = ""
    if option.cost_per_h is not None and demand.price:
        cost = f" for {money(option.cost_per_h, demand.price.currency)}/h"
    return f"{demand.rate:,.10g}/s with {demand.slo} at {option.utilization:.0%} utilization{cost}"


def _one(plan: DeploymentPlan, option: FleetOption, demand: Demand) -> str:
    """That the demand is less than one replica holds, where that is so."""
    if option.replicas > 1 or plan.highest.per_s is None or demand.rate > plan.highest.per_s:
        return ""
    return f" (it alone holds {plan.highest.per_s:,.10g}/s)"


def _replicas(option: FleetOption) -> str:
    return "one replica" if option.replicas == 1 else f"{option.replicas} replicas"


def _verb(option: FleetOption) -> str:
    return "holds" if option.replicas == 1 else "hold"
