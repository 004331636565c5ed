"""What load is offered: a closed loop of clients, or an open loop of arrivals."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

MOST_CLIENTS: Final = 4096
"""Of a closed loop."""


class ClosedLoop(BaseModel):
    """Clients that each send their next request when the last one is answered.

    A stalled server is asked less, so a closed loop hides stalls: it shows service time and throughput, not what
    users wait (coordinated omission; Tene, "How NOT to Measure Latency").
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["closed"] = "closed"
    concurrency: Annotated[int, Field(ge=1, le=MOST_CLIENTS)] = 1

    @property
    def label(self) -> str:
        """Short name for tables."""
        return f"closed x{self.concurrency}"


class OpenLoop(BaseModel):
    """Arrivals on a schedule that does not wait for answers, as from many independent users."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["open"] = "open"
    arrivals: Literal["poisson", "constant"] = "poisson"
    rate: Annotated[float, Field(gt=0, le=1_000_000, allow_inf_nan=False)]
    """Requests a second, the mean over the run."""

    @property
    def label(self) -> str:
        """Short name for tables."""
        return f"{self.arrivals} {self.rate:g}/s"


Scenario = Annotated[ClosedLoop | OpenLoop, Field(discriminator="kind")]
