"""Load at one mean rate: a closed loop of clients, or an open loop of arrivals."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

MOST_CLIENTS: Final = 4096
"""Of a closed loop."""
Arrivals = Literal["poisson", "constant"]
"""How requests arrive at a given rate: independently of one another, or evenly apart."""
Rate = Annotated[float, Field(gt=0, le=1_000_000, allow_inf_nan=False)]
"""Requests a second."""


class ClosedLoop(BaseModel):
    """Clients that each send their next request when the last one is answered, at once or after a pause.

    A stalled server is asked less, so a closed loop hides stalls: it shows service time and throughput, not what
    users wait (coordinated omission; Tene, "How NOT to Measure Latency").
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["closed"] = "closed"
    concurrency: Annotated[int, Field(ge=1, le=MOST_CLIENTS)] = 1
    think_s: Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False)] = 0.0
    """Mean seconds from an answer to the client's next request."""
    think: Literal["exponential", "constant"] = "exponential"
    """How the pauses are distributed."""

    scheduled: ClassVar[bool] = False
    steady: ClassVar[bool] = True

    @property
    def label(self) -> str:
        """Short name for tables."""
        pause = f" think {self.think} {self.think_s:g}s" if self.think_s else ""
        return f"closed x{self.concurrency}{pause}"


class OpenLoop(BaseModel):
    """Arrivals on a schedule that does not wait for answers, as from many independent users."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["open"] = "open"
    arrivals: Arrivals = "poisson"
    rate: Rate
    """Requests a second, the mean over the run."""
    share: Annotated[float, Field(gt=0, le=10, allow_inf_nan=False)] | None = None
    """Which share of the deployment's capacity the rate is, where it was chosen so: such loads are compared by it."""

    scheduled: ClassVar[bool] = True
    steady: ClassVar[bool] = True

    @property
    def label(self) -> str:
        """Short name for tables."""
        return f"{self.arrivals} {self.rate:g}/s" if self.share is None else f"{self.arrivals} {100 * self.share:g}%"
