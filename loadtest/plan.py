"""What one load engine is told to do: the plan of a run, complete and repeatable."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from loadtest.scenario import Scenario


class AnswerCheck(BaseModel):
    """Which answers are compared with known ones, and how closely they must agree."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tolerance: Annotated[float, Field(ge=0)]
    """Largest absolute difference that counts as right."""
    every: Annotated[int, Field(ge=1)] = 16
    """One request in this many is checked."""


class LoadPlan(BaseModel):
    """One run of one engine against one endpoint. Stored as ``plan.json`` beside the records."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    protocol: str
    url: str
    model: str
    """The model's name on the server."""
    pool: Path
    """An ``.npz`` with ``inputs/NAME`` arrays ``[items, ...]``, and with ``outputs/NAME`` where answers are known."""
    check: AnswerCheck | None = None
    scenario: Scenario
    warmup_s: Annotated[float, Field(ge=0)] = 2.0
    """Seconds at the start whose requests are kept but marked as warm-up."""
    duration_s: Annotated[float, Field(gt=0)]
    """Length in seconds of the measured window that follows the warm-up."""
    seed: Annotated[int, Field(ge=0)] = 0
    max_in_flight: Annotated[int, Field(ge=1)] = 1024
    """Most requests outstanding at once (over HTTP/1.1: connections). Reaching it makes the run INVALID."""
    timeout_s: Annotated[float, Field(gt=0)] = 10.0
    """A request without an answer after this long is a recorded failure."""
    core: int | None = None
    """The CPU core that the engine is bound to; None leaves it to the system, and the engine does not spin."""
