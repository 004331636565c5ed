"""The first request after a pause: what a server loses while nobody asks it."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Final

from exporters.artifact import Answers
from models import Tensors
from servers import Client, Endpoint, connect
from tailbed.results.schema import IdleGap

USUAL_REQUESTS: Final = 200
"""Sequential requests before the first gap: they warm the server, and their median is the usual time."""
_BETWEEN: Final = 20
"""Requests after each first one, so that every gap begins at a server that is warm again."""
_REPETITIONS: Final = 5
_BUDGET_S: Final = 20.0
_AWAKE_S: Final = 0.05


def measure_idle_gaps(
    endpoint: Endpoint,
    answers: Answers,
    gaps_s: Sequence[float],
    *,
    timeout_s: float,
    companion_url: str | None,
    passed: Callable[[float], None],
) -> list[IdleGap]:
    """Service times of the first requests after pauses, and the usual one, on one connection that stays open.

    They are taken around a call of the blocking client, so its own tenths of a millisecond are in both numbers, and a
    new connection is in the first one where the server closes idle ones.

    The client, too, was idle, and a core that wakes up and code that has left the processor's caches cost as much on
    its side as on the server's: of a null server that was idle for 1 s the first answer took 0.7 ms where 0.1 are
    usual. So the client asks a companion through the last 50 ms of each pause; then it was 0.2 ms.

    Args:
        gaps_s: lengths of the pauses, in seconds. Each comes up to 5 times, as often as 20 s allow but at least once;
            the gaps take turns.
        companion_url: a null server of the same protocol on the client's cores; None where there are no cores that are
            not the server's, because it would keep those awake.
        passed: told the seconds of pauses that are over.

    Raises:
        EndpointError: a request was not answered.
    """
    with ExitStack() as open_clients:
        client = open_clients.enter_context(connect(endpoint.url, protocol=endpoint.protocol, timeout_s=timeout_s))
        items = itertools.cycle([answers.request(item) for item in range(len(answers))])
        companion = None
        if companion_url is not None:
            companion = open_clients.enter_context(
                connect(companion_url, protocol=endpoint.protocol, timeout_s=timeout_s)
            )
            companion.infer(endpoint.model, next(items))

        def asked_ms() -> float:
            item = next(items)
            sent_ns = time.monotonic_ns()
            client.infer(endpoint.model, item)
            return (time.monotonic_ns() - sent_ns) / 1e6

        usual_ms = statistics.median([asked_ms() for _ in range(USUAL_REQUESTS)])
        first_ms: list[list[float]] = [[] for _ in gaps_s]
        over_s = 0.0
        for turn in range(_REPETITIONS):
            for place, gap_s in enumerate(gaps_s):
                if turn < repetitions(gap_s):
                    _pause(gap_s, companion, endpoint.model, items)
                    first_ms[place].append(asked_ms())
                    over_s += gap_s
                    passed(over_s)
                    for _ in range(_BETWEEN):
                        asked_ms()
    return [
        IdleGap(gap_s=gap_s, first_ms=first, usual_ms=usual_ms) for gap_s, first in zip(gaps_s, first_ms, strict=True)
    ]


def repetitions(gap_s: float) -> int:
    """How often a gap is measured."""
    return max(1, min(_REPETITIONS, int(_BUDGET_S / gap_s)))


def _pause(gap_s: float, companion: Client | None, model: str, items: Iterator[Tensors]) -> None:
    end = time.monotonic() + gap_s
    time.sleep(gap_s if companion is None else max(0.0, gap_s - _AWAKE_S))
    while companion is not None:
        companion.infer(model, next(items))  # once at least, even if the sleep was too long
        if time.monotonic() >= end:
            break
