"""A study of precisions as the page tells it: what each buys in P99, and what it costs in accuracy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tailbed.report.section import Section
from tailbed.report.source import Link, Source
from tailbed.results.decisions import PrecisionResult, QuantizationStudy
from tailbed.results.schema import QuotedInterval


@dataclass(frozen=True)
class Entry:
    """One precision.

    Attributes:
        deployment: its place among the page's.
        name: format and precision.
        quality: accuracy, or agreement where there are no true labels, 0 to 1; None where neither is known.
        low, high: the 95% interval of an agreement; of an accuracy, that of fp32 plus the interval of the change.
        p99: the interval of P99 over runs, where there is one.
    """

    deployment: int
    name: str
    result: PrecisionResult
    quality: float | None
    low: float | None
    high: float | None
    p99: QuotedInterval | None
    records: list[Link]


def prepare(source: Source) -> Section | None:
    """What the study says; None without one."""
    study = source.study
    if study is None:
        return None
    by_accuracy = any(result.accuracy is not None for result in study.results)
    entries = [_entry(source, study, result, by_accuracy) for result in study.results]
    own = {
        "study": study,
        "entries": entries,
        "quality": "Accuracy" if by_accuracy else "Agreement",
        "labelled": by_accuracy,
        "raw": [source.link(source.file(QuantizationStudy)), source.link("summary.json")],
    }
    drawn = {"quality": own["quality"], "entries": [found for entry in entries if (found := _drawn(entry))]}
    return Section("Quantization", own, [drawn])


def _entry(source: Source, study: QuantizationStudy, result: PrecisionResult, by_accuracy: bool) -> Entry:
    low, high = result.agreement_low, result.agreement_high
    quality = result.agreement
    if by_accuracy:
        quality, change = result.accuracy, result.accuracy_change
        # The interval is the change's, moved to where the accuracy lies.
        fp32 = quality - change.estimate if quality is not None and change else None
        low = fp32 + change.low if fp32 is not None and change else None
        high = fp32 + change.high if fp32 is not None and change else None
    elif quality is None and result.precision == "fp32":
        quality = 1.0  # it agrees with itself
    place = source.place(result)
    cell = next(
        (
            cell
            for cell in source.summary.cells
            if (cell.model, cell.format, cell.precision) == (result.model, result.format, result.precision)
            and cell.scenario == study.latency_scenario
        ),
        None,
    )
    folder = f"{study.experiment}/" if study.experiment else ""
    return Entry(
        deployment=place,
        name=f"{result.format} {result.precision}",
        result=result,
        quality=quality,
        low=low,
        high=high,
        p99=cell.intervals.get("p99_ms") if cell else None,
        records=source.records(f"{folder}{run}" for run in result.runs),
    )


def _drawn(entry: Entry) -> dict[str, Any] | None:
    """A point of the picture; None where P99 or quality is not known, or the runs are INVALID."""
    result = entry.result
    if result.p99_ms is None or entry.quality is None or not result.valid:
        return None
    return {
        "deployment": entry.deployment,
        "name": entry.name,
        "p99": result.p99_ms,
        "p99_low": entry.p99.low if entry.p99 else None,
        "p99_high": entry.p99.high if entry.p99 else None,
        "quality": entry.quality,
        "low": entry.low,
        "high": entry.high,
        "frontier": result.on_frontier,
        "ratio": result.p99_ratio.sentence if result.p99_ratio else None,
    }
