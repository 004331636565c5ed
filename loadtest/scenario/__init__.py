"""What load is offered: a closed loop of clients, an open loop of arrivals, or one of MLPerf's scenarios.

Every scenario is a frozen value with

* ``kind``: what it is, in suites and plans;
* ``label``: a short name for tables, different for different scenarios;
* ``scheduled``: whether arrivals are on a schedule that does not wait for answers, so that there is an offered rate;
* ``steady``: whether its mean rate is the same all over the run, so that the rate that is achieved and the backlog say
  something about the server.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from loadtest.scenario.loops import MOST_CLIENTS, Arrivals, ClosedLoop, OpenLoop
from loadtest.scenario.mlperf import MultiStream, Offline, Server, SingleStream
from loadtest.scenario.patterns import Bursts, Ramp, Step, Steps, Trace

Scheduled = OpenLoop | Bursts | Steps | Ramp | Trace | Server
"""Scenarios whose arrivals are computed before the run; see ``loadtest.arrivals``."""
AnyScenario = Scheduled | ClosedLoop | SingleStream | MultiStream | Offline
Scenario = Annotated[AnyScenario, Field(discriminator="kind")]

__all__ = [
    "MOST_CLIENTS",
    "AnyScenario",
    "Arrivals",
    "Bursts",
    "ClosedLoop",
    "MultiStream",
    "Offline",
    "OpenLoop",
    "Ramp",
    "Scenario",
    "Scheduled",
    "Server",
    "SingleStream",
    "Step",
    "Steps",
    "Trace",
]
