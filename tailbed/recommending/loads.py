"""Under which of an experiment's loads a goal is judged."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from tailbed.recommending.goal_error import GoalError
from tailbed.results.schema import Cell

_ONE_RATE = re.compile(r"\w+ [\d.e+]+/s")
_SHARE = re.compile(r"\w+ [\d.e+]+%")


def named_load(labels: Sequence[str], words: str) -> str:
    """The load whose label is ``words``, or the only one that has all of them.

    Raises:
        GoalError: there is none, or several.
    """
    distinct = list(dict.fromkeys(labels))
    found = [label for label in distinct if label == words]
    found = found or [label for label in distinct if set(words.split()) <= {*label.split(), *re.split(r"[ /]", label)}]
    if len(found) != 1:
        raise GoalError(f"--scenario {words!r} names {len(found)} loads: choose one of {', '.join(distinct)}")
    return found[0]


def latency_load(cells: Sequence[Cell], stands: Callable[[Cell], bool]) -> str | None:
    """Where latencies are compared: the highest offered load at which the most deployments have one that stands.

    Of the kinds of load, the first of these in which two deployments can be compared, else in which one has a figure:
    an open loop at one rate, the same for all; other open loops that are the same for all; shares of each one's own
    capacity; closed loops, of which the one with the least throughput, as more clients only wait for each other.

    Returns:
        The load's label; None where no figure stands.
    """
    standing = [cell for cell in cells if stands(cell)]
    of_kinds: dict[int, dict[str, list[Cell]]] = {}
    for cell in standing:
        of_kinds.setdefault(_kind(cell), {}).setdefault(cell.scenario, []).append(cell)
    if not of_kinds:
        return None
    compared = [kind for kind, loads in of_kinds.items() if max(map(len, loads.values())) > 1]
    kind = min(compared or of_kinds)
    loads = of_kinds[kind]
    closed = kind == _CLOSED

    def rank(label: str) -> tuple[int, float]:
        rate = max(cell.offered_rate or cell.throughput for cell in loads[label])
        return len(loads[label]), -rate if closed else rate

    return max(loads, key=rank)


def at_one_rate(cell: Cell) -> bool:
    """Whether it is an open loop at one rate, absolute or a share of its capacity."""
    return _kind(cell) in (0, 2)


_CLOSED = 3


def _kind(cell: Cell) -> int:
    """In the order in which they are preferred."""
    if cell.offered_rate is None:
        return _CLOSED
    if _ONE_RATE.fullmatch(cell.scenario):
        return 0
    return 2 if _SHARE.fullmatch(cell.scenario) else 1
