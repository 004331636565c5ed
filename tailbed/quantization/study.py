"""From the runs, the labels and a look at the kernels to the study: every precision beside fp32."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from exporters import DEFAULT_PRECISION, Evaluation
from exporters.cpu_features import cpu_features
from tailbed.analysis.comparison import THROUGHPUT, Comparison, blocks_needed
from tailbed.analysis.intervals import FEWEST_RUNS, Interval
from tailbed.artifact_comparison import precision_pairs
from tailbed.quantization.findings import find
from tailbed.quantization.frontier import mark_frontier
from tailbed.quantization.kernels import Kernels
from tailbed.quantization.quality import Quality, judge_qualities
from tailbed.quantization.recommending import recommend
from tailbed.results.decisions import PrecisionResult, QuantizationStudy, Ratio
from tailbed.results.schema import ArtifactFacts, Cell, Summary
from tailbed.verdicts import judge_pairs

Name = tuple[str, str]
"""Format and precision of an artifact."""


@dataclass(frozen=True)
class Looked:
    """What is known of one artifact beside its runs.

    Attributes:
        evaluation: how it labels the evaluation set.
        kernels: what it is computed with.
        sha256: of its file.
    """

    evaluation: Evaluation
    kernels: Kernels
    sha256: str


def conclude(
    summary: Summary,
    looked: Mapping[Name, Looked],
    *,
    scenarios: tuple[str, str],
    accuracy_loss: float,
    processor: str,
) -> QuantizationStudy:
    """What the experiment shows.

    Args:
        summary: of the experiment, complete or not.
        looked: every artifact that was to be measured.
        scenarios: labels of that for latency and that for throughput.
        accuracy_loss: largest loss of accuracy or agreement that may be recommended, a share.
        processor: what it is called.
    """
    latency, throughput = (
        {_name(cell): cell for cell in summary.cells if cell.scenario == scenario} for scenario in scenarios
    )
    facts = {(each.format, each.precision): each for each in summary.artifacts}
    measured = [name for name in looked if name in latency and name in facts]
    qualities = _qualities(measured, looked)
    times = {figure: _compared(summary, latency, figure) for figure in ("P50", "P99")}
    rates = _compared(summary, throughput, THROUGHPUT)
    results = [
        _result(
            latency[name],
            throughput.get(name),
            facts[name],
            looked[name],
            qualities[name],
            (times["P50"].get(name), times["P99"].get(name), rates.get(name)),
            _baseline(name, latency, facts),
        )
        for name in measured
    ]
    results = mark_frontier(results)
    study = QuantizationStudy(
        model=summary.deployments[0].model,
        server=summary.deployments[0].server,
        latency_scenario=scenarios[0],
        throughput_scenario=scenarios[1],
        blocks=summary.blocks,
        processor=processor,
        no_verdict=_no_verdict(summary.blocks, list(times["P50"].values())),
        accuracy_loss=accuracy_loss,
        instruction_sets=list(cpu_features()),
        quality=_quality_in_words(results, list(qualities.values())),
        results=results,
        findings=[],
        recommendation=recommend(summary, results, scenarios[0], accuracy_loss),
    )
    return study.model_copy(update={"findings": find(study, {name: looked[name].kernels for name in measured})})


def _name(cell: Cell) -> Name:
    return cell.format or "", cell.precision or ""


def _qualities(names: Sequence[Name], looked: Mapping[Name, Looked]) -> dict[Name, Quality]:
    full = {format: looked[format, precision].evaluation for format, precision in names if _is_full(precision)}
    pairs = [(looked[name].evaluation, None if _is_full(name[1]) else full.get(name[0])) for name in names]
    return dict(zip(names, judge_qualities(pairs), strict=True))


def _is_full(precision: str) -> bool:
    return precision == DEFAULT_PRECISION


def _compared(summary: Summary, cells: Mapping[Name, Cell], figure: str) -> dict[Name, Ratio]:
    """Every precision over its fp32 in one figure. They are one family for Holm's correction."""
    pairs = precision_pairs(list(cells.values()))
    compared = judge_pairs(pairs, summary.blocks, figure)
    return {_name(cell): _ratio(comparison) for (cell, _), comparison in zip(pairs, compared, strict=True)}


def _ratio(comparison: Comparison) -> Ratio:
    ratio = comparison.ratio
    known = isinstance(ratio, Interval)
    return Ratio(
        estimate=ratio.estimate,
        low=ratio.low if isinstance(ratio, Interval) else None,
        high=ratio.high if isinstance(ratio, Interval) else None,
        blocks=ratio.runs,
        claimed=known and comparison.claimed,
        sentence=comparison.sentence(),
    )


def _baseline(
    name: Name, cells: Mapping[Name, Cell], facts: Mapping[Name, ArtifactFacts]
) -> tuple[Cell, ArtifactFacts] | None:
    full = (name[0], DEFAULT_PRECISION)
    return None if name == full or full not in cells or full not in facts else (cells[full], facts[full])


def _result(
    cell: Cell,
    loaded: Cell | None,
    facts: ArtifactFacts,
    looked: Looked,
    quality: Quality,
    ratios: tuple[Ratio | None, Ratio | None, Ratio | None],
    baseline: tuple[Cell, ArtifactFacts] | None,
) -> PrecisionResult:
    agreement = quality.agreement or (None, None, None)
    return PrecisionResult(
        model=facts.model,
        format=facts.format,
        precision=facts.precision,
        runtime=cell.runtime or facts.runtime,
        valid=cell.validity == "VALID",
        p50_ms=cell.p50_ms,
        p99_ms=cell.p99_ms,
        throughput=loaded.throughput if loaded and loaded.validity == "VALID" else None,
        size_bytes=facts.size_bytes,
        peak_memory_bytes=_memory(cell),
        first_answer_ms=_first_answer(cell),
        p50_ratio=ratios[0],
        p99_ratio=ratios[1],
        throughput_ratio=ratios[2],
        size_ratio=_over(facts.size_bytes, baseline[1].size_bytes if baseline else None),
        memory_ratio=_over(_memory(cell), _memory(baseline[0]) if baseline else None),
        cold_start_ratio=_over(_first_answer(cell), _first_answer(baseline[0]) if baseline else None),
        accuracy=quality.accuracy,
        accuracy_change=quality.change,
        agreement=agreement[0],
        agreement_low=agreement[1],
        agreement_high=agreement[2],
        computes_in=looked.kernels.instruction_sets,
        computes_in_source=looked.kernels.source,
        on_frontier=False,
        runs=[run.run for each in (cell, loaded) if each for run in each.runs if run.run],
        artifact_sha256=looked.sha256,
    )


def _memory(cell: Cell) -> int | None:
    return cell.resources.peak_memory_bytes if cell.resources else None


def _first_answer(cell: Cell) -> float | None:
    return cell.cold_start.first_answer_ms if cell.cold_start else None


def _over(this: float | None, full: float | None) -> float | None:
    return this / full if this is not None and full else None


def _no_verdict(blocks: int, ratios: Sequence[Ratio]) -> str | None:
    needed = max(FEWEST_RUNS, blocks_needed(max(1, len(ratios))))
    if blocks < needed:
        intervals = "" if blocks >= FEWEST_RUNS else ", and so has no intervals"
        return (
            f"a first look and no verdict: it has {blocks} block{'s' if blocks > 1 else ''}{intervals}; to show a "
            f"difference among {len(ratios)} comparisons takes {needed}"
        )
    most = max((ratio.blocks for ratio in ratios), default=0)
    if most < FEWEST_RUNS:
        return f"no verdict: at most {most} of {blocks} blocks have P50s that stand of a precision and its fp32"
    return None


def _quality_in_words(results: Sequence[PrecisionResult], qualities: Sequence[Quality]) -> str:
    items = max((quality.items for quality in qualities), default=0)
    if any(result.accuracy is not None for result in results):
        return f"accuracy on {items} held-out items"
    if any(result.agreement is not None for result in results):
        return f"agreement with fp32 on {items} items, which have no true labels"
    return "none: its outputs are no labels"
