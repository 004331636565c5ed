"""The three durations of every request in the measured window, in milliseconds."""

from __future__ import annotations

import numpy as np

from loadtest.queries import query_response_ms
from loadtest.records import Outcome, Records
from loadtest.scenario import AnyScenario, MultiStream, Offline


def response_ms(records: Records) -> np.ndarray:
    """What users waited, done - intended: float64 ``[requests]``; ``inf`` for a request that failed."""
    return _answered(records, records.intended_ns)


def waited_ms(records: Records, scenario: AnyScenario) -> np.ndarray | None:
    """What the percentiles of a run are of: float64, milliseconds, ``inf`` where it failed.

    One value a request, or where a query has several samples one a query, its slowest; None where all samples are due
    at the start, so that throughput is the figure.
    """
    if isinstance(scenario, Offline):
        return None
    return query_response_ms(records) if isinstance(scenario, MultiStream) else response_ms(records)


def service_ms(records: Records) -> np.ndarray:
    """What the server took, done - sent: float64 ``[requests]``; ``inf`` for a request that failed."""
    return _answered(records, records.sent_ns)


def lag_ms(records: Records) -> np.ndarray:
    """How late the client sent, sent - intended, whatever came of it: float64, without requests never sent."""
    sent = ~records.warmup & (records.sent_ns > 0)
    lag: np.ndarray = (records.sent_ns - records.intended_ns)[sent] / 1e6
    return lag


def _answered(records: Records, since_ns: np.ndarray) -> np.ndarray:
    # A failed request is one that the user waits for without end: it ranks above every answer.
    took = np.where(records.outcome == Outcome.OK, (records.done_ns - since_ns) / 1e6, np.inf)
    measured: np.ndarray = took[~records.warmup]
    return measured
