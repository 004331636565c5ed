"""Queries of several samples: which rows of the records belong together, and how long each query took."""

from __future__ import annotations

import numpy as np

from loadtest.records import Outcome, Records


def query_index(records: Records) -> np.ndarray:
    """The query of each row, int64 ``[requests]``, from 0: requests of one query have one intended time."""
    changes = np.diff(records.intended_ns, prepend=records.intended_ns[:1]) != 0
    index: np.ndarray = np.cumsum(changes)
    return index


def query_response_ms(records: Records) -> np.ndarray:
    """What each query of the measured window took, as LoadGen defines it: the largest latency of its samples.

    Returns:
        float64 ``[queries]``, milliseconds from the intended time to the last done; ``inf`` where a sample failed.
    """
    if not len(records.intended_ns):
        return np.empty(0)
    took_ms = np.where(records.outcome == Outcome.OK, (records.done_ns - records.intended_ns) / 1e6, np.inf)
    starts = np.flatnonzero(np.diff(query_index(records), prepend=-1))
    slowest: np.ndarray = np.maximum.reduceat(took_ms, starts)[~records.warmup[starts]]
    return slowest
