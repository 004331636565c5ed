"""Open loops whose rate changes during the run, and the replay of arrivals that were recorded.

Each begins with the run, so that a warm-up is the pattern's first part.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from loadtest.scenario.loops import Arrivals, Rate

RateOrNone = Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)]
"""Requests a second; 0 for a pause."""
Seconds = Annotated[float, Field(ge=0.001, le=86_400, allow_inf_nan=False)]


class Bursts(BaseModel):
    """On and off in turn, beginning with on, as from clients that come in waves."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["bursts"] = "bursts"
    arrivals: Arrivals = "poisson"
    on_rate: Rate
    off_rate: RateOrNone = 0.0
    on_s: Seconds
    off_s: Seconds

    scheduled: ClassVar[bool] = True
    steady: ClassVar[bool] = False

    @property
    def label(self) -> str:
        """Short name for tables."""
        return f"{self.arrivals} bursts {self.on_rate:g}/s {self.on_s:g}s, {self.off_rate:g}/s {self.off_s:g}s"


class Step(BaseModel):
    """One rate for some time."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rate: RateOrNone
    duration_s: Seconds


class Steps(BaseModel):
    """One rate after the other; the last one holds until the run ends."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["steps"] = "steps"
    arrivals: Arrivals = "poisson"
    steps: Annotated[tuple[Step, ...], Field(min_length=1, max_length=1000)]

    scheduled: ClassVar[bool] = True
    steady: ClassVar[bool] = False

    @property
    def label(self) -> str:
        """Short name for tables, different for different steps."""
        return f"{self.arrivals} steps " + ", ".join(f"{step.rate:g}/s {step.duration_s:g}s" for step in self.steps)

    @field_validator("steps")
    @classmethod
    def _has_arrivals(cls, steps: tuple[Step, ...]) -> tuple[Step, ...]:
        if not any(step.rate for step in steps):
            raise ValueError("at least one rate must be greater than 0")
        return steps


class Ramp(BaseModel):
    """A rate that changes evenly from the run's start to its end."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["ramp"] = "ramp"
    arrivals: Arrivals = "poisson"
    from_rate: RateOrNone
    to_rate: RateOrNone

    scheduled: ClassVar[bool] = True
    steady: ClassVar[bool] = False

    @property
    def label(self) -> str:
        """Short name for tables."""
        return f"{self.arrivals} ramp {self.from_rate:g} to {self.to_rate:g}/s"

    @field_validator("to_rate")
    @classmethod
    def _has_arrivals(cls, to_rate: float, info: ValidationInfo) -> float:
        if not to_rate and info.data.get("from_rate") == 0:
            raise ValueError("must be greater than 0 where from_rate is 0")
        return to_rate


class Trace(BaseModel):
    """Arrivals that were recorded, one request each; what lies beyond the run's end is cut off."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["trace"] = "trace"
    path: Path
    """A ``.csv`` or ``.parquet`` file with a column ``arrival_s``; see ``loadtest.trace``. A relative path is taken
    from the working directory."""
    rate: Rate | None = None
    """Stretch or squeeze time until the mean gap between arrivals is ``1 / rate``; None replays them as they were."""

    scheduled: ClassVar[bool] = True
    steady: ClassVar[bool] = False

    @property
    def label(self) -> str:
        """Short name for tables."""
        return f"trace {self.path}" + (f" at {self.rate:g}/s" if self.rate else "")
