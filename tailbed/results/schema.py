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


class Cell(BaseModel):
    """One deployment under one scenario, measured in one run.

    Latencies are in milliseconds, rates in requests a second. ``response`` is done - intended, what a user waits;
    ``service`` is done - sent; ``lag`` is sent - intended. Percentiles are exact (nearest rank over the raw
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
    """The run's folder, relative to the experiment's: records, plan and logs."""


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
    cells: list[Cell]
    failures: list[str]
    """Cells that could not be measured at all, each in one line."""
