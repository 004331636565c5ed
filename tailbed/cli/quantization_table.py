"""What a study of precisions shows, in eighty columns."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tailbed.results.decisions import PrecisionResult, QuantizationStudy, Ratio
from tailbed.results.schema import Summary

_FRONTIER = "*"


def print_study(study: QuantizationStudy, summary: Summary) -> None:
    """Print two tables, times and what they cost, then what was found, and what to serve."""
    console = Console()
    blocks = f"{study.blocks} block{'s' if study.blocks > 1 else ''}"
    console.print(Text(f"{study.model} on {study.server}, {blocks}, {study.processor}", style="bold"))
    console.print(Text(f"the CPU has {', '.join(study.instruction_sets) or 'unknown instruction sets'}", style="dim"))
    if study.no_verdict:
        console.print(Text(study.no_verdict, style="yellow"))
    console.print(_times(study.results))
    console.print(_costs(study.results))
    for note in _notes(study):
        console.print(Text(note, style="dim"))
    for line in _troubles(study, summary):
        console.print(Text(line, style="yellow"))
    for sentence in study.findings:
        console.print(Text(f"- {sentence}"))
    if study.recommendation:
        console.print(Text.assemble(("the lowest P99: ", "bold"), study.recommendation.sentence))
        for line in study.recommendation.passed_over:
            console.print(Text(f"  passed over  {line}", style="dim"))


def _times(results: Sequence[PrecisionResult]) -> Table:
    table = _empty("times", ["P50\nms", "P99\nms", "P50\n/ fp32", "95%", "P99\n/ fp32", "95%", "answers\n/ fp32"])
    for result in results:
        table.add_row(
            _name(result),
            _number(result.p50_ms, ".3f"),
            _number(result.p99_ms, ".3f"),
            *_ratio(result.p50_ratio),
            *_ratio(result.p99_ratio),
            _ratio(result.throughput_ratio)[0],
            style="" if result.valid else "yellow",
        )
    return table


def _costs(results: Sequence[PrecisionResult]) -> Table:
    headings = ["size\n/ fp32", "mem.\n/ fp32", "start\n/ fp32", "acc.\n%", "points", "95%", "agree\n%"]
    table = _empty("costs", headings)
    for result in results:
        change = result.accuracy_change
        table.add_row(
            _name(result),
            *(_number(ratio, ".2f") for ratio in (result.size_ratio, result.memory_ratio, result.cold_start_ratio)),
            _percent(result.accuracy),
            f"{100 * change.estimate:+.1f}{'!' if change.claimed else ''}" if change else "",
            f"{100 * change.low:+.1f} {100 * change.high:+.1f}" if change else _agreement(result),
            _percent(result.agreement),
            style="" if result.valid else "yellow",
        )
    return table


def _empty(title: str, headings: Sequence[str]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1), collapse_padding=True, header_style="dim")
    table.add_column(title, overflow="fold")
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _name(result: PrecisionResult) -> str:
    return f"{_FRONTIER if result.on_frontier else ' '} {result.format}/{result.precision}"


def _ratio(ratio: Ratio | None) -> tuple[str, str]:
    """The ratio, marked where a difference is claimed, and its interval."""
    if ratio is None:
        return "", ""
    interval = "-" if ratio.low is None or ratio.high is None else f"{ratio.low:.2f}-{ratio.high:.2f}"
    return _number(ratio.estimate, ".2f") + ("!" if ratio.claimed else ""), interval


def _agreement(result: PrecisionResult) -> str:
    if result.agreement_low is None or result.agreement_high is None:
        return ""
    return f"{100 * result.agreement_low:.1f} {100 * result.agreement_high:.1f}"


def _notes(study: QuantizationStudy) -> list[str]:
    answers = f"answers: a second, {study.throughput_scenario}; the rest {study.latency_scenario}"
    notes = [
        f"{_FRONTIER} frontier: no other one is both faster in P99 and at least as right; judged by {study.quality}"
    ]
    notes.append("! a difference that is claimed, after Holm's correction over the column")
    notes.append(answers)
    if any(result.agreement is not None for result in study.results):
        notes.append("agree: labels as fp32 of the same format gives them")
    return notes


def _troubles(study: QuantizationStudy, summary: Summary) -> list[str]:
    lines = []
    for cell in summary.cells:
        name = f"{cell.format}/{cell.precision}, {cell.scenario}"
        if cell.validity == "INVALID":
            # Of several runs' reasons the first; the others are in the report.
            lines += [f"INVALID  {name}: {reason.partition(';')[0]}" for reason in cell.reasons[:1]]
        if "p99_ms" in cell.missing and cell.scenario == study.latency_scenario:
            lines.append(f"no P99   {name}: {cell.missing['p99_ms'].partition(';')[0]}")
    lines += [f"left out {line}" for line in summary.left_out]
    lines += [f"FAILED   {line}" for line in summary.failures]
    if not summary.complete:
        lines.append("INCOMPLETE: go on with --resume")
    return lines


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f}"


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
