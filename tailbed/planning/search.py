"""Which rate to try next, and what is known of the highest one that holds: pure decisions on verdicts.

The verdict on a rate comes from runs that chance moves, so that none is proof for the rates around it. All that is
claimed is what was seen: the highest rate that held, and the lowest rate above it that did not.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass
from typing import Final, Literal

from tailbed.results.decisions import HighestRate

FIRST: Final = 0.7
"""The share of the capacity that is tried first."""
GROWTH: Final = 1.3
"""From a rate that held to the next one, while none has failed."""
MOST_CAPACITIES: Final = 20.0
"""A server that holds so many times what closed loops got out of it is not tried further."""
DIGITS: Final = 3
"""Significant digits of a rate: it is to be a figure that people can repeat."""


@dataclass(frozen=True)
class Verdict:
    """Whether one rate holds.

    Attributes:
        kind: ``objective`` and ``saturation`` are why it does not; ``unclear`` where VALID runs do not tell.
        reason: in words, with figures.
    """

    kind: Literal["held", "objective", "saturation", "unclear"]
    reason: str

    @property
    def held(self) -> bool:
        """Whether the rate holds."""
        return self.kind == "held"


Search = Generator[float, Verdict, HighestRate]
"""Gives the rates to try, is sent the verdict on each, and returns what is known in the end."""


def search_rate(capacity: float, *, floor: float, ceiling: float, tolerance: float) -> Search:
    """Search the highest rate that holds: up or down from a share of the capacity, then bisection.

    Args:
        capacity: answers a second that closed loops got out of the replica.
        floor: the lowest rate worth a try, since with less there are too few requests in a run.
        ceiling: the highest rate that the client may offer; infinite where that is not known.
        tolerance: the search ends where the rate that does not hold is above the one that does by this share of it.
    """
    floor = rounded(floor, up=True)
    bounds = _Bounds(floor, max(rounded(min(ceiling, MOST_CAPACITIES * capacity)), floor))
    if ceiling < floor:
        return _beyond_client(floor, ceiling)
    low: float | None = None
    high: tuple[float, Verdict] | None = None
    first = bounds.clamp(rounded(FIRST * capacity))
    rate: float | None = first
    while rate is not None:
        verdict = yield rate
        if verdict.held:
            low = rate
        else:
            high = rate, verdict
        rate = bounds.next_rate(low, high and high[0], first, tolerance)
    return _found(low, high, limited=ceiling <= MOST_CAPACITIES * capacity)


@dataclass(frozen=True)
class _Bounds:
    floor: float
    ceiling: float

    def clamp(self, rate: float) -> float:
        return min(max(rate, self.floor), self.ceiling)

    def next_rate(self, low: float | None, high: float | None, first: float, tolerance: float) -> float | None:
        """The next rate to try; None when it is enough. ``high`` is above ``low`` in any case."""
        if high is None:
            assert low is not None
            return None if low >= self.ceiling else self.clamp(rounded(GROWTH * low))
        if low is None:
            # Each step down is longer than the last one: where half of the rate does not help, two thirds will not.
            return None if high <= self.floor else self.clamp(rounded(high / (2 * math.sqrt(first / high))))
        if high <= low * (1 + tolerance):
            return None
        between = math.sqrt(low * high)
        return next((rate for up in (False, True) if low < (rate := rounded(between, up=up)) < high), None)


def rounded(rate: float, *, up: bool = False) -> float:
    """``rate`` to three significant digits, down unless ``up``. Above 0 it stays above 0."""
    unit = 10.0 ** (math.floor(math.log10(rate)) - DIGITS + 1)
    steps = round(rate / unit, 6)
    return float(f"{(math.ceil(steps) if up else math.floor(steps)) * unit:.{DIGITS}g}")


def _beyond_client(floor: float, ceiling: float) -> HighestRate:
    return HighestRate(
        per_s=None,
        low=None,
        high=None,
        limited_by="client",
        reason=f"a run needs {floor:g}/s to have enough requests, and this client may offer {ceiling:,.3g}/s",
    )


def _found(low: float | None, high: tuple[float, Verdict] | None, *, limited: bool) -> HighestRate:
    if high is None:
        assert low is not None
        why = (
            "half of what this client reaches with a null server: the replica may hold more"
            if limited
            else f"{MOST_CAPACITIES:g} times what closed loops got out of it, and no higher one was tried"
        )
        return HighestRate(
            per_s=low,
            low=low,
            high=None,
            limited_by="client" if limited else "nothing",
            reason=f"holds {_per_s(low)}, which is {why}",
        )
    rate, verdict = high
    assert verdict.kind != "held"
    held = "holds no rate that was tried" if low is None else f"holds {_per_s(low)}"
    return HighestRate(
        per_s=low, low=low, high=rate, limited_by=verdict.kind, reason=f"{held}; at {_per_s(rate)} {verdict.reason}"
    )


def _per_s(rate: float) -> str:
    return f"{rate:,.10g}/s"
