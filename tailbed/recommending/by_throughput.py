"""The contest for the highest throughput, which is also the one for the least cost of an answer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tailbed.analysis.comparison import THROUGHPUT
from tailbed.recommending import by_held_rate
from tailbed.recommending.contest import Contender, Contest, PassedOver
from tailbed.recommending.evidence import preparation_of, runs_of
from tailbed.recommending.loads import at_one_rate, named_load
from tailbed.recommending.numbers import Say
from tailbed.recommending.standing import objection, reason_against
from tailbed.results.identity import Identity
from tailbed.results.schema import Capacity, Cell
from tailbed.slo import Slo
from tailbed.verdicts import block_values


def contest_of(
    cells: Sequence[Cell],
    capacities: Sequence[Capacity],
    deployments: Sequence[Identity],
    blocks: int,
    slo: Slo | None,
    scenario: str | None,
    say: Say,
) -> Contest:
    """Deployments by what they answer at most: of the first of these kinds that was measured.

    With an objective, the highest of the offered rates at which a deployment kept to it; else, and where there is no
    open loop at one rate, throughput in the closed loop that the most deployments were measured in, and of several
    such the one in which it is highest; else the capacities that were probed.

    Args:
        cells, capacities: of one model.
        deployments: all of the model, measured or not.
        scenario: words of the label of the only load to look at.

    Raises:
        GoalError: no load, or several, are named so.
    """
    if scenario is not None:
        load = named_load([cell.scenario for cell in cells], scenario)
        cells = [cell for cell in cells if cell.scenario == load]
    ladder = [cell for cell in cells if at_one_rate(cell)]
    if ladder and (slo is not None or scenario is not None):
        return by_held_rate.contest_of(ladder, deployments, blocks, slo, say)
    closed = [cell for cell in cells if cell.offered_rate is None]
    if closed or not capacities:
        return _closed_loop(closed, deployments, blocks, slo, say)
    return _probed(capacities, deployments, say)


def _closed_loop(
    cells: Sequence[Cell], deployments: Sequence[Identity], blocks: int, slo: Slo | None, say: Say
) -> Contest:
    by_load: dict[str, list[float]] = {cell.scenario: [] for cell in cells}
    for cell in cells:
        if objection(cell, THROUGHPUT, THROUGHPUT) is None:
            by_load[cell.scenario].append(cell.throughput)
    load = max(by_load, key=lambda label: (len(by_load[label]), max(by_load[label], default=0.0)), default="")
    here = {Identity.of(cell): cell for cell in cells if cell.scenario == load}
    contenders, passed_over = [], []
    for deployment in deployments:
        measured = here.get(deployment)
        if measured is None:
            passed_over.append(PassedOver(deployment, "not measured in a closed loop"))
        elif reason := reason_against(measured, slo):
            passed_over.append(PassedOver(deployment, reason))
        else:
            values = block_values(measured, THROUGHPUT, blocks)
            figure = measured.throughput
            contenders.append(Contender(deployment, figure, say(figure), values, runs_of([measured])))
    return Contest(load, THROUGHPUT, "run", contenders, passed_over)


def _probed(capacities: Sequence[Capacity], deployments: Sequence[Identity], say: Say) -> Contest:
    found = {Identity.of_deployment(each): each for each in capacities}
    contenders = [
        Contender(
            deployment,
            found[deployment].per_s,
            say(found[deployment].per_s),
            np.array([found[deployment].per_s]),
            (preparation_of("capacity", deployment),),
        )
        for deployment in deployments
        if deployment in found
    ]
    passed_over = [PassedOver(each, "its capacity was not probed") for each in deployments if each not in found]
    return Contest("the probe of its capacity", THROUGHPUT, "probe", contenders, passed_over)
