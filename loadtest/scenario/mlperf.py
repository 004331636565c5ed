"""The four scenarios of MLPerf Inference, by their names there.

Traffic and metric follow the rules' table of scenarios as of round 3.0 (mlcommons/inference_policies,
``inference_rules.adoc``, "Scenarios"). What differs is in docs/SCENARIOS.md; a result of these is no MLPerf result.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from loadtest.scenario.loops import MOST_CLIENTS, ClosedLoop, OpenLoop, Rate


class SingleStream(BaseModel):
    """One query of one sample; the next when it is answered. MLPerf's metric: P90 of the latency."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["SingleStream"] = "SingleStream"

    scheduled: ClassVar[bool] = False
    steady: ClassVar[bool] = True

    @property
    def loop(self) -> ClosedLoop:
        """The same load in general terms."""
        return ClosedLoop(concurrency=1)

    @property
    def label(self) -> str:
        """Short name for tables."""
        return self.kind


class MultiStream(BaseModel):
    """One query of several samples; the next when all of them are answered. MLPerf's metric: P99 of the latency.

    Each sample is a request of its own, all of a query sent at once. A query's latency is its slowest sample's, see
    ``loadtest.queries``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["MultiStream"] = "MultiStream"
    samples: Annotated[int, Field(ge=1, le=MOST_CLIENTS)] = 8
    """Of a query; 8 by MLPerf's rules."""

    scheduled: ClassVar[bool] = False
    steady: ClassVar[bool] = True

    @property
    def label(self) -> str:
        """Short name for tables."""
        return f"{self.kind} {self.samples}"


class Server(BaseModel):
    """Queries of one sample, with Poisson arrivals. MLPerf's metric: the largest rate that keeps its P99 target."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["Server"] = "Server"
    rate: Rate

    scheduled: ClassVar[bool] = True
    steady: ClassVar[bool] = True

    @property
    def loop(self) -> OpenLoop:
        """The same load in general terms."""
        return OpenLoop(arrivals="poisson", rate=self.rate)

    @property
    def label(self) -> str:
        """Short name for tables."""
        return f"{self.kind} {self.rate:g}/s"


class Offline(BaseModel):
    """All samples are there from the start, and the run ends with the last answer. MLPerf's metric: throughput.

    A server cannot be handed any number of requests at once over a network, so a fixed number of them is kept
    outstanding, and the others wait in the client.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["Offline"] = "Offline"
    samples: Annotated[int, Field(ge=1, le=100_000_000)] = 24_576
    """In all; at least 24,576 by MLPerf's rules."""
    outstanding: Annotated[int, Field(ge=1, le=MOST_CLIENTS)] = 256
    """Requests that the server has at once. It must be enough to keep the server busy and its batches full."""

    scheduled: ClassVar[bool] = False
    steady: ClassVar[bool] = False

    @property
    def label(self) -> str:
        """Short name for tables."""
        return f"{self.kind} {self.samples} x{self.outstanding}"
