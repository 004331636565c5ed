"""How late the client was of its own, without the time that its core was taken away."""

from __future__ import annotations

import numpy as np

from loadtest.records import Records
from tailbed.analysis.disturbance import lost_ns


def own_lag_ms(records: Records) -> np.ndarray:
    """What the schedule gate judges: sent - intended, less what stalls of the client's core account for.

    A stall makes the client late as well, but that is evidence about the machine: it marks the percentiles that it may
    have moved (see ``disturbance``), while the median stands.

    Returns:
        float64, milliseconds, one for each request of the window that was sent.
    """
    sent = records.sent_ns > 0
    intended_ns, sent_ns = records.intended_ns[sent], records.sent_ns[sent]
    start_ns, length_ns = np.array(records.facts.stalls, dtype=np.int64).reshape(-1, 2).T
    lost = lost_ns(intended_ns, sent_ns, start_ns, start_ns + length_ns, length_ns)
    own: np.ndarray = (sent_ns - intended_ns - lost)[~records.warmup[sent]] / 1e6
    return own
