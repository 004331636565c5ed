"""What a deployment can do: the most answers a second that closed loops get out of it.

Clients that each ask again as soon as they are answered never leave a server without work once there are enough of
them, and never ask faster than it answers. So throughput rises with their number until the server's bottleneck is
always busy, and then stays (operational laws; Denning and Buzen 1978): that plateau is the rate at which an open loop's
queue begins to grow without end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import loadtest
from exporters import ANSWERS
from loadtest.errors import LoadError
from loadtest.plan import LoadPlan
from loadtest.records import Outcome, Records
from loadtest.scenario import ClosedLoop
from servers import STACKS, Deployment, Endpoint, start
from servers.containers import Engine
from tailbed.experiment.placement import Placement
from tailbed.results.schema import Capacity
from tailbed.suite import Suite

CLIENTS: Final = (1, 4, 16)
MORE_CLIENTS: Final = 64
"""Tried where the last step still brought more than ``GAIN``."""
GAIN: Final = 0.10
WARMUP_S: Final = 1.0
WINDOW_S: Final = 3.0


def probe_capacity(
    deployment: Deployment,
    folder: Path,
    suite: Suite,
    placement: Placement,
    progress: Callable[[str], None],
    engine: Engine | None = None,
) -> Capacity:
    """Load a fresh server with closed loops of more and more clients, and take the most that it answers.

    Args:
        deployment: what is probed.
        folder: the probe's own; gets the server's log and the raw records of each loop.
        suite: for its timeouts and its seed.
        placement: for the client's core; the server's are the deployment's.
        progress: told in words what is measured now.
        engine: as in ``servers.start``.

    Raises:
        TailbedError: the server did not start, or answered nothing.
    """
    manifest = deployment.artifact.manifest
    probes: dict[int, float] = {}
    with start(
        deployment, folder=folder / "server", timeout_s=suite.start_timeout_s, nice=placement.nice, engine=engine
    ) as server:
        while clients := next_clients(probes):
            progress(f"capacity of {deployment.artifact.ref} on {deployment.stack}: {clients} clients")
            # The first clients of a fresh server warm it up.
            warmup_s = WARMUP_S if probes else max(WARMUP_S, STACKS.get(deployment.stack).warmup_s)
            plan = _plan(deployment, server.endpoint, ClosedLoop(concurrency=clients), warmup_s, suite, placement)
            probes[clients] = _answered(loadtest.run(plan, folder / f"closed-x{clients}"))
    best = max(probes, key=probes.__getitem__)
    if not probes[best]:
        raise LoadError(f"capacity of {deployment.artifact.ref} on {deployment.stack}: no request was answered")
    return Capacity(
        model=manifest.model,
        format=manifest.export,
        precision=manifest.precision,
        runtime=manifest.runtime,
        server=deployment.stack,
        protocol=server.endpoint.protocol,
        per_s=probes[best],
        concurrency=best,
        probes=probes,
    )


def next_clients(probes: Mapping[int, float]) -> int | None:
    """How many clients to try next; None when it is enough.

    Args:
        probes: answers a second by the numbers of clients that were tried.
    """
    for clients in CLIENTS:
        if clients not in probes:
            return clients
    if MORE_CLIENTS not in probes and probes[CLIENTS[-1]] > (1 + GAIN) * probes[CLIENTS[-2]]:
        return MORE_CLIENTS
    return None


def _answered(records: Records) -> float:
    """Successful answers a second in the window."""
    start_ns, end_ns = records.facts.window_start_ns, records.facts.window_end_ns
    inside = (records.done_ns >= start_ns) & (records.done_ns < end_ns) & (records.outcome == Outcome.OK)
    return int(inside.sum()) / ((end_ns - start_ns) / 1e9) if end_ns > start_ns else 0.0


def _plan(
    deployment: Deployment,
    endpoint: Endpoint,
    scenario: ClosedLoop,
    warmup_s: float,
    suite: Suite,
    placement: Placement,
) -> LoadPlan:
    return LoadPlan(
        protocol=endpoint.protocol,
        url=endpoint.url,
        model=endpoint.model,
        pool=deployment.artifact.folder / ANSWERS,
        batched=deployment.artifact.manifest.batched,
        scenario=scenario,
        warmup_s=warmup_s,
        duration_s=WINDOW_S,
        seed=suite.seed,
        timeout_s=suite.timeout_s,
        core=placement.client,
        nice=placement.nice,
    )
