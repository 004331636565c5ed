"""When a warm-up may end, by what the engine itself has recorded so far."""

from __future__ import annotations

from typing import Final

import numpy as np

from loadtest import spool
from loadtest.engine.recorder import Recorder
from loadtest.records import Outcome
from loadtest.warmup import WindowRule

SECOND_NS: Final = 1_000_000_000


class SteadinessWatch:
    """Feeds the rule of windows with one second after the other."""

    def __init__(self, recorder: Recorder, start_ns: int, arrivals_ns: np.ndarray | None) -> None:
        """Take when the load began and, where arrivals are scheduled, when they are, from then on."""
        self._recorder = recorder
        self._reader = recorder.reader()
        self._rule = WindowRule()
        self._end_ns = start_ns
        self._arrivals_ns = None if arrivals_ns is None else arrivals_ns + start_ns
        self._arrived = 0
        self._rows = np.empty(0, spool.DTYPE)

    def look(self) -> str | None:
        """Take the next second, which must be over; returns why the load is not steady by now, if it is not."""
        self._end_ns += SECOND_NS
        self._recorder.flush()
        rows = np.concatenate([self._rows, self._reader.read()])
        in_second = rows["done_ns"] < self._end_ns
        self._rows = rows[~in_second]
        answers = rows[in_second & (rows["outcome"] == Outcome.OK)]
        self._rule.add_second((answers["done_ns"] - answers["intended_ns"]) / 1e6, self._arrivals())
        return self._rule.unsteady()

    def needs_longer(self, limit_s: float) -> bool:
        """Whether the load is too slow to be judged within the limit, which is over."""
        return self._rule.needs_longer(limit_s)

    def close(self) -> None:
        """Take no more."""
        self._reader.close()

    def _arrivals(self) -> int | None:
        if self._arrivals_ns is None:
            return None
        before, self._arrived = self._arrived, int(np.searchsorted(self._arrivals_ns, self._end_ns))
        return self._arrived - before
