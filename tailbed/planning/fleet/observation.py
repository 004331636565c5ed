"""What a replica does with each request, read from the raw records of a run.

Lindley's recursion for a server that works first come first served, ``d[i] = max(a[i], d[i-1]) + s[i]``, gives the
departures of known service times. Here the departures are known, and it is solved for ``s[i]``: how long the request
kept the replica to itself after all before it were answered. Of ``c`` servers at one queue the departure ``d[i-1]`` is
the time at which the first of them is free (Kiefer and Wolfowitz, "On the theory of queues with many servers", 1955).

A request that finds the replica idle keeps it for all of its service time as the client sees it: network, waking up,
frontend and compute. One that finds others there keeps it for less, since its frontend work overlaps the compute time
of the others. So what is read is told apart by what the request found: see ``Observed``. And what others did to it that
came later, see ``interruption``, is taken off: it is theirs.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import Final

import numpy as np

from loadtest.records import Outcome, Records
from tailbed.planning.fleet.interruption import Arrived, uninterrupted

OVERTAKEN: Final = 0.01
"""Share of the requests that may be answered before an earlier one while the replica still counts as one queue."""
MOST_SERVERS: Final = 64
_NS: Final = 1e9
_REGULAR: Final = 1e-3
"""Relative spread of the times between constant arrivals, which are rounded to nanoseconds."""


@dataclass(frozen=True)
class Observed:
    """The measured requests of one run that were answered, in the order in which they were sent.

    Attributes:
        rate: requests a second that arrived in the window, answered or not.
        found: int ``[requests]``, how many others were in the replica when the request was sent.
        free_s: float ``[requests]``, for how long a server of the replica had been free then; where none was, negative:
            the time until one is, as far as it was known then.
        start_s: float ``[requests]``, when the request had a server to itself, in seconds since the start of the load.
        took_s: float ``[requests]``, how long the request kept that server, less what later ones delayed it by. Never
            negative: one that overtook others took none.
        alone: whether no request met another one because each was sent when the last was answered: a closed loop of one
            client.
    """

    rate: float
    found: np.ndarray
    free_s: np.ndarray
    start_s: np.ndarray
    took_s: np.ndarray
    alone: bool


def observe(records: Records, servers: int, interruption_s: tuple[float, ...] = ()) -> Observed:
    """Read what a replica of ``servers`` servers at one queue did with the requests of a run.

    Requests of the warm-up and those that failed are in the queue, but not in what is read.

    Args:
        records: of the run.
        servers: how many requests the replica computes at the same time.
        interruption_s: by how much a request that comes while another one is computed delays it, of one server: see
            ``interruption``.
    """
    sent_s, done_s, measured = _in_order(records)
    free_s, took_s = _kept(sent_s, done_s, servers)
    # Whoever is answered by then was sent by then, so that their number alone says who is left.
    found = np.arange(len(sent_s)) - np.searchsorted(np.sort(done_s), sent_s, side="right")
    if interruption_s:
        free_s, took_s = uninterrupted(sent_s, found, free_s, took_s, interruption_s)
    window_s = (records.facts.window_end_ns - records.facts.window_start_ns) / _NS
    return Observed(
        rate=float(np.count_nonzero(~records.warmup) / window_s) if window_s > 0 else 0.0,
        found=found[measured],
        free_s=free_s[measured],
        start_s=(sent_s + np.maximum(-free_s, 0.0))[measured],
        took_s=np.maximum(took_s[measured], 0.0),
        alone=_alone(sent_s, done_s, found),
    )


def arrived(records: Records) -> Arrived:
    """What a replica of one server shows of interruptions."""
    sent_s, done_s, measured = _in_order(records)
    free_s, took_s = _kept(sent_s, done_s, 1)
    return Arrived(sent_s, free_s, took_s, measured)


def servers_of(runs: list[Records]) -> int:
    """The fewest servers at one queue that explain the order of the answers: at most ``OVERTAKEN`` come too early.

    Fewer than it has are found where all requests take the same time, which hides nothing: they leave as from one.
    """
    ordered = [_in_order(records) for records in runs]
    for servers in range(1, MOST_SERVERS):
        early = [_kept(sent_s, done_s, servers)[1][measured] < 0 for sent_s, done_s, measured in ordered]
        if np.concatenate(early).mean() <= OVERTAKEN:
            return servers
    return MOST_SERVERS


def _in_order(records: Records) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """When requests were sent and answered, in seconds, in the order of sending; and which ones are to be read."""
    sent = records.sent_ns > 0
    order = np.argsort(records.sent_ns[sent], kind="stable")
    measured = (~records.warmup & (records.outcome == Outcome.OK))[sent][order]
    start_ns = records.facts.load_start_ns  # or a float has not the digits
    sent_s, done_s = ((times[sent][order] - start_ns) / _NS for times in (records.sent_ns, records.done_ns))
    return sent_s, done_s, measured


def _kept(sent_s: np.ndarray, done_s: np.ndarray, servers: int) -> tuple[np.ndarray, np.ndarray]:
    """For how long a server had been free when each request was sent, and how long the request then kept it."""
    if servers == 1:
        free_at = np.concatenate([[-np.inf], np.maximum.accumulate(done_s)[:-1]])
    else:
        free = [-np.inf] * servers
        free_at = np.empty(len(sent_s))
        for index, done in enumerate(done_s.tolist()):
            free_at[index] = free[0]
            heapq.heapreplace(free, max(done, free[0]))
    return sent_s - free_at, done_s - np.maximum(sent_s, free_at)


def _alone(sent_s: np.ndarray, done_s: np.ndarray, found: np.ndarray) -> bool:
    if len(sent_s) < 3 or found.any():
        return False
    between = np.diff(sent_s)
    if between.std() <= _REGULAR * between.mean():  # constant arrivals
        return False
    return bool(np.median(sent_s[1:] - done_s[:-1]) < np.median(done_s - sent_s))
