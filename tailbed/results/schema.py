"""The result schema: what ``summary.json`` holds. docs/RESULTS.md explains it to readers."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

SCHEMA_VERSION = 1
"""Raised by one when a field changes its meaning or goes away; new fields do not raise it."""


class ColdStart(BaseModel):
    """Times of a fresh server process, in milliseconds since the process was started."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ready_ms: float
    """Until the readiness check answered yes."""
    first_answer_ms: float | None
    """Until the first correct answer arrived; None when it was wrong or failed."""


class Measurement(BaseModel):
    """What was measured, and the figures: of one run, or of a cell over its runs.

    Latencies are in milliseconds, rates in requests a second. ``response`` is done - intended, what a user waits;
    ``service`` is done - sent; ``lag`` is sent - intended. A run's percentiles are exact (nearest rank over the raw
    records of the measured window); a failed request counts as infinitely slow.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    format: str | None
    """None where the endpoint does not tell, as are ``precision``, ``runtime`` and ``server``."""
    precision: str | None
    runtime: str | None
    server: str | None
    protocol: str
    scenario: str
    arm: str | None = None
    """``first`` or ``second`` where a deployment is compared with itself."""
    offered_rate: float | None
    """Arrivals a second that the schedule really has in the window; None in a closed loop."""
    achieved_rate: float
    """Answers a second inside the window, right or failed."""
    throughput: float
    """Successful answers a second inside the window."""
    duration_s: float
    """Length of the measured window."""
    requests: int
    """Requests intended inside the window."""
    errors: int
    error_kinds: dict[str, int]
    """How many requests failed in which way."""
    p50_ms: float | None
    p90_ms: float | None
    p99_ms: float | None
    p999_ms: float | None
    service_p50_ms: float | None
    service_p99_ms: float | None
    lag_p50_ms: float | None
    lag_p99_ms: float | None
    missing: dict[str, str]
    """Why a figure is null, by field name."""
    client_busy: float | None
    """Share of its core that the load engine computed in the window."""
    answers_checked: int
    answers_wrong: int
    cold_start: ColdStart | None
    """None where tailbed did not start the server."""
    validity: Literal["VALID", "INVALID"]
    reasons: list[str]
    """Why the run is INVALID, each reason with its figure."""
    mode: Literal["quick", "full"]
    """``full`` from 10,000 requests and 60 s a run on."""
    seed: int
    run: str | None
    """The run's folder, relative to the experiment's: records, plan and logs. Of several runs, the one whose P99 is
    the median."""


class RunResult(Measurement):
    """One run: a fresh server process, one deployment, one scenario, one seed. Stored as ``result.json``."""

    block: int
    """The block that the run belongs to, from 1; every cell has one run in each."""
    finished: bool
    """False when it was stopped before its window's end; such a run is measured again on ``--resume``."""


class QuotedInterval(BaseModel):
    """A 95% confidence interval over runs, in the figure's own unit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    low: float
    high: float
    runs: int


class Cell(Measurement):
    """One deployment under one scenario, over all blocks.

    With several runs a figure is over the VALID ones (over all, if none is): times and throughput their geometric
    mean, rates the mean, lag, client and cold start the median; requests, errors and answers are sums over all runs.
    """

    intervals: dict[str, QuotedInterval] = {}
    """By field name, where there are VALID runs enough."""
    runs: list[RunResult] = []
    """In the order of blocks, INVALID ones too."""


class Summary(BaseModel):
    """An experiment's results. Stored as ``summary.json``, rewritten after every run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = SCHEMA_VERSION
    suite: str
    started: str
    """UTC, ISO 8601."""
    elapsed_s: float
    complete: bool
    """False while runs are missing, and for ever when the experiment was stopped."""
    planned_cells: int
    blocks: int = 1
    """Runs that were planned for each cell."""
    cells: list[Cell]
    failures: list[str]
    """Runs that could not be measured at all, each in one line."""
