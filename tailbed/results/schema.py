"""The result schema: what ``summary.json`` holds. docs/RESULTS.md explains it to readers."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

SCHEMA_VERSION = 1
"""Raised by one when a field changes its meaning or goes away; new fields do not raise it."""


class ArtifactFacts(BaseModel):
    """What was served, from its manifest; docs/FORMATS.md explains the fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    format: str
    """The format, with the source's framework where it is not the usual one, as in every result."""
    precision: str
    framework: str
    runtime: str
    size_bytes: int
    export_seconds: float | None
    """None for an imported file."""
    accuracy: float | None
    """Share of the evaluation set that it labels right; None where there are no true labels."""
    label_agreement: float | None
    """Share of the evaluation set that it labels as its source does; None for an imported file."""
    weights: str
    """Where the weights come from, in words."""


class ImageFacts(BaseModel):
    """The image of a server's container."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    id: str
    """Its digest, as the engine has it."""
    digests: list[str]
    """By which registries know it; none of one that was built on the machine."""
    size_bytes: int
    """Of its layers, unpacked."""
    engine: str
    """Version of the container engine."""


class DeploymentFacts(BaseModel):
    """What was to be measured: an artifact on a stack, with its settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    format: str
    precision: str
    server: str
    """The stack, as in every result."""
    protocol: str
    runtime: str | None
    """What computes the artifact behind the stack."""
    variant: str | None
    settings: dict[str, bool | int | str]
    """As they were asked of the stack; of ``tuned``, what its own documentation advises."""
    image: ImageFacts | None = None
    """None where the server runs in no container, or no engine tells."""


class ColdStart(BaseModel):
    """Times of a fresh server process, in milliseconds since the process was started."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    listening_ms: float | None = None
    """Until its port was open; None where that was not looked at."""
    ready_ms: float
    """Until the readiness check answered yes."""
    first_answer_ms: float | None
    """Until the first correct answer arrived; None when it was wrong or failed."""
    steady_ms: float | None = None
    """Until answers under load were steady, by the rule of windows; None where they never were, or by time alone."""


class IdleGap(BaseModel):
    """The first requests after pauses of one length, each to a server that is warm but for the pause."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    gap_s: float
    first_ms: list[float]
    """Service time of each first request, in the order of measuring."""
    usual_ms: float
    """Median service time of the same requests one after the other."""


class ColdStartStudy(BaseModel):
    """One deployment's cold start, from fresh processes of its own, before any load."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    format: str
    precision: str
    runtime: str
    server: str
    protocol: str
    variant: str | None = None
    warm: list[ColdStart]
    """With the artifact and the server's libraries in the page cache."""
    dropped: list[ColdStart]
    """With them dropped from it before each start, as far as no other process holds them."""
    dropped_note: str
    """How much was dropped and what could not be, in words."""
    idle: list[IdleGap]


class Resources(BaseModel):
    """What the server took during the run, warm-up included; None where the machine does not show it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cpu_s: float | None = None
    """CPU time of the server's processes."""
    cpu_cores: float | None = None
    """The same over the time that was sampled: cores busy on average."""
    peak_memory_bytes: int | None = None
    """Largest sum of the resident memory of its processes."""
    threads: int | None = None
    """Most at once."""
    gpu_utilization: float | None = None
    """Mean share of the time, 0 to 1, over all GPUs."""
    gpu_memory_bytes: int | None = None
    """Largest sum over all GPUs."""
    gpu_energy_j: float | None = None
    cpu_energy_j: float | None = None
    """Of the whole package, by RAPL."""
    work_us: float | None = None
    """CPU time in microseconds of a fixed piece of work on the server's cores, the mean over them: the median of the
    readings, once a second. The slower the cores, the longer."""
    fastest_work_us: float | None = None
    """The same, of the tenth of the readings in which they were fastest: its upper end."""
    slowest_work_us: float | None = None
    """The same, of the tenth in which they were slowest: its lower end."""


class Calibration(BaseModel):
    """What the client sees of a null server, which has the same protocol and payload and no model: the floor."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    protocol: str
    scenario: str
    p50_ms: float | None
    p99_ms: float | None
    rate: float
    """Answers a second."""
    capacity: float
    """Most answers a second that client and null server reach together, in a closed loop."""
    validity: Literal["VALID", "INVALID"]
    reasons: list[str]


class Capacity(BaseModel):
    """How many answers a second a deployment reaches in a closed loop, by a short probe."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    format: str
    precision: str
    runtime: str
    server: str
    protocol: str
    variant: str | None = None
    per_s: float
    concurrency: int
    """Clients with which the most was reached."""
    probes: dict[int, float]
    """Answers a second by number of clients."""


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
    variant: str | None = None
    """Which of the suite's settings the server had, where there are several."""
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
    early_stopping_p99_ms: float | None = None
    """What LoadGen's early stopping would report for P99. A diagnostic: it takes requests as independent."""
    missing: dict[str, str]
    """Why a figure is null, by field name."""
    disturbed: list[str] = []
    """Percentiles, by field name, that are null because the machine itself may have moved them."""
    held_rate: float | None = None
    """Successful answers a second of a saturated server; None where the server kept up."""
    queue_mean_ms: float | None = None
    """Mean time that a request waited in the server, by its own metrics; None where it has none."""
    compute_mean_ms: float | None = None
    """Mean time that the model computed on a request, by the same metrics."""
    resources: Resources | None = None
    client_busy: float | None
    """Share of its core that the load engine computed in the window."""
    stalled_ms: float | None = None
    """Time for which the client's core was taken from the spinning engine in the window; None where it did not spin."""
    steal_ms: float | None = None
    """Time that the hypervisor took from the cores of both sides in the window."""
    warmup_s: float = 0.0
    """Length of the warm-up that came before the window."""
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
    attempt: int = 1
    """Which attempt this is, where earlier ones were disturbed by the machine. The last one counts, all are kept."""


class QuotedInterval(BaseModel):
    """A 95% confidence interval over runs, in the figure's own unit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    low: float
    high: float
    runs: int


class Cell(Measurement):
    """One deployment under one scenario, over all blocks.

    With several runs a figure is over the VALID ones (over all, if none is): times and throughput their geometric
    mean, rates the mean, everything else that is measured the median; requests, errors and answers are sums over all
    runs. A run whose percentile the machine disturbed is left out of that percentile only.
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
    planned_cells: int | None
    """None where the runs follow from one another, so that nobody knew."""
    blocks: int = 1
    """Runs that were planned for each cell."""
    artifacts: list[ArtifactFacts] = []
    deployments: list[DeploymentFacts] = []
    """What was to be measured, in the suite's order."""
    left_out: list[str] = []
    """Artifacts and stacks that the suite would have had, and why not, each in one line."""
    cells: list[Cell]
    calibration: list[Calibration] = []
    capacities: list[Capacity] = []
    cold_starts: list[ColdStartStudy] = []
    failures: list[str]
    """Runs that could not be measured at all, each in one line."""
