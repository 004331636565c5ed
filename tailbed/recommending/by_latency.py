"""The contest for the lowest P99."""

from __future__ import annotations

from collections.abc import Sequence

from tailbed.recommending.contest import Contender, Contest, PassedOver
from tailbed.recommending.evidence import runs_of
from tailbed.recommending.loads import latency_load, named_load
from tailbed.recommending.numbers import time_text
from tailbed.recommending.standing import beyond, objection
from tailbed.results.identity import Identity
from tailbed.results.schema import Cell
from tailbed.slo import Slo
from tailbed.verdicts import block_values

_FIELD, _FIGURE = "p99_ms", "P99"


def contest_of(
    cells: Sequence[Cell], deployments: Sequence[Identity], blocks: int, slo: Slo | None, scenario: str | None
) -> Contest:
    """Deployments whose P99 stands, under the load named or the highest that the most of them held.

    Args:
        cells: of one model.
        deployments: all of the model, measured or not.
        scenario: words of the load's label.

    Raises:
        GoalError: no load, or several, are named so.
    """
    if scenario is not None:
        load: str | None = named_load([cell.scenario for cell in cells], scenario)
    else:
        load = latency_load(cells, lambda cell: objection(cell, _FIELD, _FIGURE) is None)
    load = load or (cells[0].scenario if cells else "")
    here = {Identity.of(cell): cell for cell in cells if cell.scenario == load}
    contenders, passed_over = [], []
    for deployment in deployments:
        cell = here.get(deployment)
        reason = _objection(cell, slo)
        if cell is None or reason is not None:
            passed_over.append(PassedOver(deployment, reason or ""))
            continue
        assert cell.p99_ms is not None
        contenders.append(
            Contender(
                deployment,
                cell.p99_ms,
                time_text(cell.p99_ms, cell.intervals.get(_FIELD)),
                block_values(cell, _FIGURE, blocks),
                runs_of([cell]),
            )
        )
    return Contest(load, _FIGURE, "run", contenders, passed_over)


def _objection(cell: Cell | None, slo: Slo | None) -> str | None:
    if cell is None:
        return "not measured under this load"
    return objection(cell, _FIELD, _FIGURE) or (beyond(cell, slo) if slo else None)
