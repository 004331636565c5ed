"""From a plan's scenario to what the engine does: how many requests at once, over how many connections, when."""

from __future__ import annotations

from typing import Final

from loadtest import spool
from loadtest.arrivals import schedule, think_times
from loadtest.engine import pacing, query_pacing
from loadtest.engine.flight import Flight
from loadtest.plan import LoadPlan
from loadtest.protocols.protocol import Connections
from loadtest.scenario import MOST_CLIENTS, ClosedLoop, MultiStream, Offline, Server, SingleStream

_SPARE_CONNECTIONS: Final = 8


class Offering:
    """One plan's load.

    Attributes:
        most: requests that may be outstanding at once.
        planned: how many of them the plan itself has.
        connections: for the transport.
    """

    def __init__(self, plan: LoadPlan, clients: int | None) -> None:
        """Compute all that can be computed before the run.

        Args:
            plan: what to do.
            clients: how many clients a closed loop begins with, if not with as many as planned.

        Raises:
            LoadError: the scenario cannot be carried out.
        """
        self._plan = plan
        self._scenario = plan.scenario.loop if isinstance(plan.scenario, SingleStream | Server) else plan.scenario
        match self._scenario:
            case ClosedLoop(concurrency=planned):
                self._clients = planned if clients is None else clients
                # Clients may be added to while it runs.
                self.planned, self.most, ready, spare = planned, MOST_CLIENTS, self._clients, 0
            case MultiStream(samples=most) | Offline(outstanding=most):
                self.planned, self.most, ready, spare = most, most, most, 0
            case scheduled:
                length_s = plan.warmup_s + plan.duration_s
                self._offsets_ns = schedule(scheduled, length_s=length_s, seed=plan.seed)
                most = plan.max_in_flight
                self.planned, self.most, ready, spare = most, most, min(_SPARE_CONNECTIONS, most), _SPARE_CONNECTIONS
        self.connections = Connections(ready, spare, self.most, plan.timeout_s)

    def pacing(self, flight: Flight, start_ns: int, window: spool.Window) -> pacing.Pacing:
        """What offers the load to ``flight``, from ``start_ns`` until the window's end."""
        match self._scenario:
            case ClosedLoop() as loop:
                pauses = think_times(loop, self._plan.seed) if loop.think_s else None
                return pacing.ClosedLoop(flight, self._clients, start_ns, window.end_ns, pauses)
            case MultiStream(samples=samples):
                return query_pacing.MultiStream(flight, samples, start_ns, window.end_ns)
            case Offline() as offline:
                return query_pacing.Offline(
                    flight,
                    offline.samples,
                    offline.outstanding,
                    start_ns=start_ns,
                    query_ns=window.start_ns,
                    end_ns=window.end_ns,
                )
            case _:
                return pacing.OpenLoop(flight, self._offsets_ns + start_ns)
