"""The table of artifacts side by side, for suites that compare formats or precisions."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tailbed.analysis.comparison import Comparison, blocks_needed
from tailbed.analysis.intervals import Interval
from tailbed.artifact_comparison import Gain, Row, compare_artifacts
from tailbed.results.schema import Summary

_FEWEST = 3
"""With fewer artifacts the table of cells tells all."""
_DETAILS = ("export\ns", "first\ns")


def print_artifact_comparison(summary: Summary) -> None:
    """Print a row for each artifact under each scenario, where there are several artifacts and one server.

    With several servers the table of cells shows what differs, and the report has these tables for each.
    """
    console = Console()
    if len({cell.server for cell in summary.cells}) > 1:
        return
    if len(summary.artifacts) >= _FEWEST or any(each.precision != "fp32" for each in summary.artifacts):
        rows = compare_artifacts(summary)
        for server, scenario in dict.fromkeys((row.cell.server, row.cell.scenario) for row in rows):
            shown = [row for row in rows if (row.cell.server, row.cell.scenario) == (server, scenario)]
            console.print(Text(f"artifacts on {server}, {scenario}", style="bold"))
            console.print(_table(shown))
            _explain(shown, console)


def _table(rows: Sequence[Row]) -> Table:
    gains = any(row.gain for row in rows)
    models = len({row.facts.model for row in rows}) > 1
    table = Table(box=None, pad_edge=False, padding=(0, 1), collapse_padding=True, header_style="dim")
    table.add_column("artifact", no_wrap=True)
    headings = ["size\nMB", *_DETAILS, "P50\nms", "P99\nms", "accuracy\n%"]
    if gains:  # eighty columns have no room for both
        headings = [
            "size\nMB",
            "P50\nms",
            "P99\nms",
            "acc.\n%",
            "fp32 P50\n/ this",
            "95%",
            "size\nratio",
            "acc.\npoints",
        ]
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        facts, cell = row.facts, row.cell
        name = f"{facts.format}/{facts.precision}"
        start = cell.cold_start.first_answer_ms if cell.cold_start else None
        details = [_number(facts.export_seconds, ".1f"), _number(None if start is None else start / 1e3, ".2f")]
        table.add_row(
            f"{facts.model}/{name}" if models else name,
            f"{facts.size_bytes / 1e6:.2f}",
            *([] if gains else details),
            _number(cell.p50_ms, ".3f"),
            _number(cell.p99_ms, ".3f"),
            _accuracy(row),
            *(_gain(row.gain) if gains else ()),
            style="" if cell.validity == "VALID" else "yellow",
        )
    return table


def _gain(gain: Gain | None) -> tuple[str, str, str, str]:
    if gain is None:
        return "", "", "", ""
    ratio = gain.speed.ratio
    interval = f"{ratio.low:.2f}-{ratio.high:.2f}" if isinstance(ratio, Interval) else "-"
    change = "-" if gain.accuracy_change is None else f"{100 * gain.accuracy_change:+.1f}"
    return _number(ratio.estimate, ".2f"), interval, f"{gain.size_ratio:.2f}", change


def _accuracy(row: Row) -> str:
    """Against true labels, or where there are none against the source's labels."""
    if row.facts.accuracy is not None:
        return f"{100 * row.facts.accuracy:.1f}"
    return "-" if row.facts.label_agreement is None else f"{100 * row.facts.label_agreement:.1f} *"


def _explain(rows: Sequence[Row], console: Console) -> None:
    notes = []
    if any(row.facts.accuracy is None and row.facts.label_agreement is not None for row in rows):
        notes.append("* no true labels: agreement with the source")
    if any(row.cell.validity != "VALID" for row in rows):
        notes.append("yellow: INVALID, see above")
    speeds = [row.gain.speed for row in rows if row.gain]
    if speeds:
        notes.append(_claims(speeds))
    for note in notes:
        console.print(Text(note, style="dim"))


def _claims(speeds: Sequence[Comparison]) -> str:
    claimed = sum(speed.claimed for speed in speeds)
    needed = blocks_needed(len(speeds))
    return (
        f"{claimed} of {len(speeds)} differences are claimed, after Holm's correction; "
        f"one of so many can be from {needed} blocks on"
    )


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
