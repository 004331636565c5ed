"""The contest for the highest of the offered rates that a deployment held."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tailbed.analysis.comparison import THROUGHPUT
from tailbed.recommending.contest import Contender, Contest, PassedOver
from tailbed.recommending.evidence import runs_of
from tailbed.recommending.numbers import Say
from tailbed.recommending.standing import beyond, reason_against
from tailbed.results.identity import Identity
from tailbed.results.schema import Cell, RunResult
from tailbed.slo import Slo

_LEAST = 0.5
"""Of the lowest rate offered: what a block counts as in which none was held. Any value that ranks below all will do."""


def contest_of(
    cells: Sequence[Cell], deployments: Sequence[Identity], blocks: int, slo: Slo | None, say: Say
) -> Contest:
    """Deployments by the highest rate at which they are VALID, and within the objective where there is one.

    Of several that held the same one, that with the lowest percentile of the objective (or P99) comes first; a
    difference between them is not shown whatever that is, as they held the same in every block.

    Args:
        cells: of one model, in open loops at one rate.
        deployments: all of the model, measured or not.
        say: a rate as the goal tells it.
    """
    # Arrivals scatter about the rate that a load is named after, by block, and a cell's are over its VALID runs only.
    offered = {cell.scenario: [c.offered_rate or 0.0 for c in cells if c.scenario == cell.scenario] for cell in cells}
    ranked: list[tuple[float, Contender]] = []
    passed_over = []
    for deployment in deployments:
        own = [cell for cell in cells if Identity.of(cell) == deployment]
        reasons = {cell.scenario: reason_against(cell, slo) for cell in own}
        held = [cell for cell in own if reasons[cell.scenario] is None]
        if not own:
            passed_over.append(PassedOver(deployment, "not measured in an open loop"))
        elif not held:
            lowest = min(own, key=lambda cell: cell.offered_rate or 0.0)
            passed_over.append(PassedOver(deployment, f"{lowest.scenario}: {reasons[lowest.scenario]}"))
        else:
            highest = max(held, key=lambda cell: cell.offered_rate or 0.0)
            own_share = highest.scenario.endswith("%")
            rate = (highest.offered_rate or 0.0) if own_share else max(offered[highest.scenario])
            contender = Contender(deployment, rate, say(rate), _by_block(own, blocks, slo), runs_of([highest]))
            ranked.append((getattr(highest, slo.field if slo else "p99_ms") or np.inf, contender))
    ranked.sort(key=lambda each: each[0])
    loads = ", ".join(dict.fromkeys(cell.scenario for cell in cells))
    return Contest(f"the highest held of {loads}", THROUGHPUT, "run", [each for _, each in ranked], passed_over)


def _by_block(cells: Sequence[Cell], blocks: int, slo: Slo | None) -> np.ndarray:
    """The highest rate that was held in each block: float ``[blocks]``, NaN in one without a run that tells."""
    values = np.full(blocks, np.nan)
    for block in range(1, blocks + 1):
        runs = [run for cell in cells for run in cell.runs if run.block == block and run.offered_rate]
        held = [run.offered_rate or 0.0 for run in runs if _tells(run, slo) and _held(run, slo)]
        if held or any(_tells(run, slo) for run in runs):
            values[block - 1] = max(held, default=_LEAST * min(run.offered_rate or 0.0 for run in runs))
    return values


def _tells(run: RunResult, slo: Slo | None) -> bool:
    """Whether the run says anything of the server: not where the client was at fault, or the machine."""
    if run.held_rate is not None:
        return True
    return run.validity == "VALID" and (slo is None or getattr(run, slo.field) is not None)


def _held(run: RunResult, slo: Slo | None) -> bool:
    return run.validity == "VALID" and (slo is None or beyond(run, slo) is None)
