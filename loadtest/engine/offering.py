"""From a plan's scenario to what the engine does: how many requests at once, over how many connections, when."""

from __future__ import annotations

from itertools import islice
from typing import Final

import numpy as np

from loadtest import spool
from loadtest.arrivals import schedule, think_times
from loadtest.engine import pacing, query_pacing
from loadtest.engine.flight import Flight
from loadtest.engine.pacing import Pacing
from loadtest.plan import LoadPlan
from loadtest.scenario import MOST_CLIENTS, ClosedLoop, MultiStream, Offline, Server, SingleStream
from loadtest.transport.transport import Connections

_SPARE_CONNECTIONS: Final = 8
_OVERTIME_S: Final = 1.0
"""For which a warm-up goes on after its last second, until the window begins."""


class Offering:
    """One plan's load.

    Attributes:
        most: requests that may be outstanding at once.
        planned: how many of them the plan itself has.
        clients: how many a closed loop begins with.
        connections: for the transport.
        warmup_ns: where the warm-up goes on until the load is steady, and arrivals are scheduled: its own, int64
            ``[arrivals]``, nanoseconds from the load's start.
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
        share = plan.share
        self.warmup_ns: np.ndarray | None = None
        self.clients = 0
        self._scenario = plan.scenario.loop if isinstance(plan.scenario, SingleStream | Server) else plan.scenario
        match self._scenario:
            case ClosedLoop(concurrency=concurrency):
                planned = share.size(concurrency)
                self.clients = planned if clients is None else clients
                # Clients may be added to while it runs.
                self.planned, self.most, ready, spare = planned, MOST_CLIENTS, self.clients, 0
            case MultiStream(samples=whole) | Offline(outstanding=whole):
                most = share.size(whole)
                self.planned, self.most, ready, spare = most, most, most, 0
            case scheduled:
                length_s = plan.duration_s
                if plan.by_rule:
                    # The window has a schedule of its own, so that its arrivals are the same whenever it begins.
                    warmup_s, warmup_seed = plan.longest_warmup_s + _OVERTIME_S, _warmup_seed(plan.seed)
                    self.warmup_ns = schedule(scheduled, length_s=warmup_s, seed=warmup_seed)
                else:
                    length_s += plan.warmup_s
                # Every so many of one schedule: what the engines send together is exactly what one would.
                self._offsets_ns = schedule(scheduled, length_s=length_s, seed=plan.seed)[share.index :: share.of]
                most = share.size(plan.max_in_flight)
                self.planned, self.most, ready, spare = most, most, min(_SPARE_CONNECTIONS, most), _SPARE_CONNECTIONS
        self.connections = Connections(ready, spare, self.most, plan.timeout_s)

    def pacing(self, flight: Flight, window: spool.Window) -> Pacing:
        """What offers the load to ``flight``, until the window's end or, where that is open, until ``measure``."""
        share = self._plan.share
        start_ns = window.load_start_ns
        end_ns = pacing.NEVER if self._plan.by_rule else window.end_ns
        match self._scenario:
            case ClosedLoop() as loop:
                all_pauses = think_times(loop, self._plan.seed) if loop.think_s else None
                pauses = all_pauses and islice(all_pauses, share.index, None, share.of)
                return pacing.ClosedLoop(flight, self.clients, start_ns, end_ns, pauses)
            case MultiStream(samples=samples):
                return query_pacing.MultiStream(flight, samples, start_ns, end_ns)
            case Offline() as offline:
                return query_pacing.Offline(
                    flight,
                    share.size(offline.samples),
                    share.size(offline.outstanding),
                    start_ns=start_ns,
                    query_ns=window.start_ns,
                    end_ns=end_ns,
                )
            case _:
                first_ns = self._offsets_ns if self.warmup_ns is None else self.warmup_ns
                return pacing.OpenLoop(flight, first_ns + start_ns)

    def measure(self, load: Pacing, window: spool.Window) -> None:
        """Have a load whose warm-up has lasted until it was steady go on over this window."""
        if isinstance(load, pacing.OpenLoop):
            # In place: the load goes on meanwhile, and new memory takes ten times as long.
            self._offsets_ns += window.start_ns
            load.follow(window.start_ns, self._offsets_ns)
        else:
            load.end(window.end_ns)


def _warmup_seed(seed: int) -> int:
    """Of arrivals that have nothing to do with those of ``seed`` itself, nor with those of a block's next seed."""
    return int(np.random.SeedSequence((seed, 1)).generate_state(1, np.uint64)[0])
