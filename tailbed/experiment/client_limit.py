"""Which rates are beyond what the client can be trusted with: pure decisions on what calibration found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from loadtest.scenario import AnyScenario, Bursts, OpenLoop, Ramp, Server, Steps, Trace
from loadtest.trace import read_trace
from tailbed.results.schema import Calibration

MOST_SHARE: Final = 0.5
"""Of the null capacity that a rate may ask for. At half load a request waits as long as it is served (M/M/1)."""


def refusal(scenario: AnyScenario, protocol: str, null_capacity: float) -> str | None:
    """Why a load is not offered: its highest rate is more than half of what the client reaches with a null server.

    Args:
        scenario: what is to be offered; a share of capacity resolved.
        protocol: for the words.
        null_capacity: answers a second that client and null server reach together in a closed loop.

    Raises:
        LoadError: a trace that cannot be read.
    """
    rate = peak_rate(scenario)
    if rate is None or rate <= MOST_SHARE * null_capacity:
        return None
    return (
        f"{rate:,.0f}/s over {protocol} is more than half of the {null_capacity:,.0f}/s that this client reaches with "
        "a null server: use a lower rate, or several client processes"
    )


def null_capacity(calibrations: Sequence[Calibration], model: str, protocol: str) -> float:
    """Answers a second that client and null server reach together; infinite where that was not measured."""
    found = [c.capacity for c in calibrations if (c.model, c.protocol) == (model, protocol)]
    return min(found, default=float("inf"))


def peak_rate(scenario: AnyScenario) -> float | None:
    """The highest rate of a schedule in requests a second, of a trace within any one second; None for a closed loop.

    Raises:
        LoadError: a trace that cannot be read.
    """
    match scenario:
        case OpenLoop() | Server():
            return scenario.rate
        case Bursts():
            return max(scenario.on_rate, scenario.off_rate)
        case Steps():
            return max(step.rate for step in scenario.steps)
        case Ramp():
            return max(scenario.from_rate, scenario.to_rate)
        case Trace():
            times_s = read_trace(scenario.path, scenario.rate)
            within_a_second = np.searchsorted(times_s, times_s + 1.0) - np.arange(len(times_s))
            return float(within_a_second.max())
        case _:
            return None
