"""The fewest replicas that meet a demand."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Final

from tailbed.planning.fleet.balancing import BALANCERS
from tailbed.planning.fleet.prediction import Arrivals, Predicted, predict
from tailbed.planning.fleet.simulation import Replica
from tailbed.results.decisions.plan import Balancer, FleetOption
from tailbed.slo import Slo

MORE: Final = 8
"""So many times the replicas that the highest rate asks for are looked at: each then has an eighth of what it was
measured to hold, and hardly anybody queues."""
REQUESTS: Final = 10_000
"""Of a simulated run; more where the fleet is so large that each replica would get few."""
EACH: Final = 20
"""Requests of a run that each replica gets at least on average."""
REPETITIONS: Final = 20
SLACK: Final = 0.01
"""Of the objective: by so much may the simulated percentile lie beyond it and still keep to it, since it is a mean of
runs that differ by more."""


def size_fleet(
    model: Replica,
    *,
    demand_rate: float,
    slo: Slo,
    highest_rate: float | None,
    headroom: float,
    arrivals: Arrivals = "poisson",
    price_per_h: float | None = None,
    seed: int = 1,
) -> list[FleetOption]:
    """The fewest replicas that meet a demand, behind each kind of balancer.

    So many that each one's share of the demand is at most ``(1 - headroom) * highest_rate``, and that the simulated
    percentile of the fleet keeps to the objective.

    Args:
        model: one replica.
        demand_rate: requests a second, on average.
        slo: the objective.
        highest_rate: what one replica was measured to hold within it; None where it held none.
        headroom: share of the highest rate that is kept free, 0 to below 1.
        arrivals: how requests arrive at the balancer.
        price_per_h: of one replica.
        seed: the same one gives the same answer.

    Returns:
        An option for each balancer, as ``BALANCERS`` has them; without those that meet the objective with no number of
        replicas that is looked at.
    """
    if not highest_rate:
        return []
    # Of quotients that are whole numbers, binary fractions make a little more or less.
    fewest = max(1, math.ceil(round(demand_rate / ((1 - headroom) * highest_rate), 9)))

    def fleet(balancer: Balancer | None, replicas: int, rate: float = demand_rate) -> Predicted:
        return predict(
            model,
            rate=rate,
            replicas=replicas,
            balancer=None if replicas == 1 else balancer,
            arrivals=arrivals,
            share=slo.share,
            requests=max(REQUESTS, EACH * replicas),
            seed=seed,
            repetitions=REPETITIONS,
        )

    most = MORE * fewest
    if not _keeps(slo, fleet(None, 1, demand_rate / most)):
        return []
    options = []
    for balancer in BALANCERS:
        found = _fewest(fewest, most, slo, partial(fleet, balancer))
        if found is not None:
            options.append(_option(balancer, *found, demand_rate, price_per_h))
    return options


def _fewest(fewest: int, most: int, slo: Slo, fleet: Callable[[int], Predicted]) -> tuple[int, Predicted] | None:
    """The fewest replicas from ``fewest`` to ``most`` that keep to the objective; None where none of these do.

    More replicas have less to do each, so that the percentile falls with their number: doubling, then bisection.
    """
    few, enough, predicted = fewest - 1, fewest, fleet(fewest)
    while not _keeps(slo, predicted):
        if enough == most:
            return None
        few, enough = enough, min(2 * enough, most)
        predicted = fleet(enough)
    while few + 1 < enough:
        middle = (few + enough) // 2
        tried = fleet(middle)
        if _keeps(slo, tried):
            enough, predicted = middle, tried
        else:
            few = middle
    return enough, predicted


def _keeps(slo: Slo, predicted: Predicted) -> bool:
    return predicted.estimate_ms <= (1 + SLACK) * slo.limit_ms


def _option(
    balancer: Balancer, replicas: int, predicted: Predicted, demand_rate: float, price_per_h: float | None
) -> FleetOption:
    cost_per_h = None if price_per_h is None else replicas * price_per_h
    return FleetOption(
        balancer=balancer,
        replicas=replicas,
        utilization=predicted.utilization,
        predicted_ms=predicted.estimate_ms,
        predicted_low_ms=predicted.low_ms,
        predicted_high_ms=predicted.high_ms,
        cost_per_h=cost_per_h,
        cost_per_million=None if cost_per_h is None else cost_per_h / (3600 * demand_rate) * 1e6,
    )
