"""A request on its way through a model instance."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import numpy as np

from models import Tensors


@dataclass(slots=True)
class Job:
    """What is to be computed, who waits for it, and when what happened, in seconds of ``time.perf_counter``."""

    inputs: Tensors
    answer: asyncio.Future[dict[str, np.ndarray]]
    queued_s: float
    started_s: float = 0.0
    done_s: float = 0.0
