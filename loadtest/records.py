"""Raw records: one row a request, from the engine's spool to a Parquet file."""

from __future__ import annotations

import enum
from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, ConfigDict

SPOOL_DTYPE = np.dtype(
    [
        ("intended_ns", "<i8"),
        ("sent_ns", "<i8"),
        ("done_ns", "<i8"),
        ("outcome", "<i4"),
        ("input_index", "<i4"),
    ]
)
"""One request as the engine spools it. Times are of CLOCK_MONOTONIC; a request never sent has ``sent_ns`` 0."""


class Outcome(enum.IntEnum):
    """How a request ended. Protocol errors are offset by their kind: HTTP 503 is 1503, gRPC status 14 is 2014."""

    OK = 0
    REFUSED = 1
    RESET = 2
    TIMEOUT = 3
    MALFORMED = 4
    HTTP = 1000
    GRPC = 2000


class EngineFacts(BaseModel):
    """What the engine knows of its own run beside the rows. Stored as the Parquet file's ``tailbed`` metadata."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    window_start_ns: int
    """Start of the measured window, CLOCK_MONOTONIC; requests intended before it are warm-up."""
    window_end_ns: int
    """End of the measured window: as planned, or when the run was stopped before."""
    finished: bool
    """False when the run was stopped or the engine died before the window's end."""
    client_busy: float | None
    """Share of its core that the engine computed in the window, not counting spinning; None if it died."""
    spinning: bool
    """Whether the engine had a core of its own and spun while waiting."""
    cap_hits: int
    """Requests that found ``max_in_flight`` outstanding and had to wait in the client."""
    checked: int
    """Answers in the window that were compared with known ones."""
    wrong: int
    first_wrong: str | None
    """The first wrong answer in one line."""


@dataclass(frozen=True)
class Records:
    """All requests of one run, ordered by intended time, and the engine's facts.

    Attributes:
        intended_ns, sent_ns, done_ns: int64 ``[requests]``, CLOCK_MONOTONIC. ``sent_ns`` is 0 where the request
            was never sent.
        outcome: int32 ``[requests]``, see ``Outcome``.
        input_index: int32 ``[requests]``, the item of the pool that was sent.
        warmup: bool ``[requests]``, intended before the measured window.
        facts: the engine's own facts.
    """

    intended_ns: np.ndarray
    sent_ns: np.ndarray
    done_ns: np.ndarray
    outcome: np.ndarray
    input_index: np.ndarray
    warmup: np.ndarray
    facts: EngineFacts
