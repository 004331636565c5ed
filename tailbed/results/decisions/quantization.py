"""What precisions buy and cost. Stored as ``quantization.json`` beside the measurements that it rests on."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from tailbed.results.decisions.recommendation import Recommendation


class Ratio(BaseModel):
    """A figure of one precision over that of fp32, paired by block."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    estimate: float | None
    low: float | None
    """Of the 95% interval over blocks; None with too few."""
    high: float | None
    blocks: int
    claimed: bool
    """Whether the runs show a difference, after Holm's correction."""
    sentence: str


class Change(BaseModel):
    """A share of the evaluation set, and how it differs from that of fp32; item by item on the same items."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    estimate: float
    """Of this precision less that of fp32, -1 to 1."""
    low: float
    """Of the 95% interval."""
    high: float
    p_value: float | None
    """Of the exact McNemar test; None where there is nothing to test."""
    claimed: bool = False
    """Whether the items show a difference, after Holm's correction over all precisions of the study."""
    method: str
    """What the interval is by, in words."""
    items: int


class PrecisionResult(BaseModel):
    """One artifact in one precision on the study's server."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    format: str
    precision: str
    runtime: str
    valid: bool
    p50_ms: float | None
    p99_ms: float | None
    throughput: float | None
    """Answers a second in the closed loop of the study's throughput scenario."""
    size_bytes: int
    peak_memory_bytes: int | None
    first_answer_ms: float | None
    """From the server's start to its first correct answer."""
    p50_ratio: Ratio | None
    """None for fp32 itself, and where the format was not measured in fp32; below 1 is faster."""
    p99_ratio: Ratio | None
    throughput_ratio: Ratio | None
    size_ratio: float | None
    memory_ratio: float | None
    cold_start_ratio: float | None
    accuracy: float | None
    """None where there are no true labels."""
    accuracy_change: Change | None
    agreement: float | None
    """Share of the items that it labels as fp32 of the same format does; None for outputs that are no labels."""
    agreement_low: float | None
    """Of the exact 95% interval of that share."""
    agreement_high: float | None
    computes_in: list[str]
    """Instruction sets that its runtime used, as far as it tells: ``avx512_vnni``."""
    computes_in_source: str
    """How that is known, in words, or why it is not."""
    on_frontier: bool
    """Whether no other one is both faster in P99 and at least as accurate (agreeing, without true labels)."""
    runs: list[str]
    """The runs' folders, relative to the experiment's."""
    artifact_sha256: str


class QuantizationStudy(BaseModel):
    """Every precision of one model against fp32, on one server."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = 1
    model: str
    server: str
    latency_scenario: str
    throughput_scenario: str
    blocks: int
    processor: str
    no_verdict: str | None = None
    """Why the study cannot show a difference in time, such as too few blocks; None where it can."""
    accuracy_loss: float = 0.0
    """Largest loss of accuracy, or of agreement where there are no true labels, that the recommendation accepts: a
    share."""
    instruction_sets: list[str]
    """Those of the processor that matter to the precisions, as Linux names them."""
    quality: str
    """What the accuracy axis is: ``accuracy on 450 held-out items``, or agreement with fp32 on so many."""
    results: list[PrecisionResult]
    findings: list[str]
    """What the figures show that a reader would want to be told, each in one sentence with its figures."""
    recommendation: Recommendation | None
    experiment: str | None = None
    """Folder of the experiment that measured it, relative to this file's; None where it is the same."""
