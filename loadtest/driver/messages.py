"""What master and workers tell one another, beside Locust's own messages."""

from __future__ import annotations

from typing import Final

WHERE: Final = "load_where"
"""Master: where are you?"""
PLACE: Final = "load_place"
"""Worker: at this ``Place``."""
READY: Final = "load_ready"
"""Worker: the engine is prepared."""
START: Final = "load_start"
"""Master: begin at this ``Moment``."""
STOP: Final = "load_stop"
"""Master: measure no more."""
RECORDS: Final = "load_records"
"""Worker: the next bytes of the engine's ``records.parquet``."""
ENDED: Final = "load_ended"
"""Worker: the engine has ended, and all bytes were sent. A mapping: ``error`` in one line or None, ``plan`` as JSON,
``shift_ns`` from this machine's CLOCK_MONOTONIC to the master's."""
RECEIVED: Final = "load_received"
"""Master: ``ENDED`` has come."""

INCOMING: Final = "records.incoming"
"""File in which the master collects what comes."""
