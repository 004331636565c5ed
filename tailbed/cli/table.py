"""Results as a table in the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tailbed.results.schema import Cell, Summary

QUICK = "quick mode: fewer than 10,000 requests or 60 s a run, and one run a cell; a first look, no verdict"


def print_summary(summary: Summary) -> None:
    """Print an experiment's table with everything that a reader must know beside it."""
    console = Console()
    console.print(f"[bold]{summary.suite}[/]  {summary.started}  {summary.elapsed_s:.0f} s", highlight=False)
    print_cells(summary.cells, console)
    for failure in summary.failures:
        console.print(Text(f"FAILED  {failure}", style="red"))
    if not summary.complete:
        measured = len(summary.cells)
        console.print(Text(f"INCOMPLETE: {measured} of {summary.planned_cells} cells were measured", style="yellow"))


def print_cells(cells: Sequence[Cell], console: Console) -> None:
    """Print one row a cell, then the reasons of the INVALID ones."""
    if not cells:
        return
    table = Table(box=None, pad_edge=False, padding=(0, 1), collapse_padding=True, header_style="dim")
    table.add_column("deployment")
    table.add_column("load")
    for heading in ("P50\nms", "P90\nms", "P99\nms", "service\nP50 ms", "lag P99\nms", "rate\n1/s", "errors"):
        table.add_column(heading, justify="right", no_wrap=True)
    cold = any(cell.cold_start for cell in cells)
    if cold:
        table.add_column("ready\ns", justify="right", no_wrap=True)
        table.add_column("answer\ns", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for cell in cells:
        row = [
            deployment(cell),
            cell.scenario,
            *map(_latency, (cell.p50_ms, cell.p90_ms, cell.p99_ms, cell.service_p50_ms, cell.lag_p99_ms)),
            f"{cell.achieved_rate:.0f}" if cell.achieved_rate >= 100 else f"{cell.achieved_rate:.3g}",
            str(cell.errors),
        ]
        if cold:
            start = cell.cold_start
            row += [_seconds(start.ready_ms), _seconds(start.first_answer_ms)] if start else ["-", "-"]
        table.add_row(*row, Text(cell.validity, style="green" if cell.validity == "VALID" else "bold yellow"))
    console.print(table)
    for cell in cells:
        for reason in cell.reasons:
            console.print(Text(f"INVALID  {deployment(cell)}, {cell.scenario}: {reason}", style="yellow"))
        if cell.p99_ms is None and "p99_ms" in cell.missing and cell.validity == "VALID":
            console.print(Text(f"P99      {deployment(cell)}, {cell.scenario}: {cell.missing['p99_ms']}", style="dim"))
    if any(cell.mode == "quick" for cell in cells):
        console.print(Text(QUICK, style="dim"))


def deployment(cell: Cell) -> str:
    """What serves what, short."""
    artifact = "/".join(part for part in (cell.model, cell.format, cell.precision) if part)
    return f"{artifact} {cell.server or cell.protocol}"


def _latency(value: float | None) -> str:
    """Three significant digits, or a dash where there is no figure."""
    if value is None:
        return "-"
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}" if value >= 1 else f"{value:.3f}"


def _seconds(milliseconds: float | None) -> str:
    return "-" if milliseconds is None else f"{milliseconds / 1000:.2f}"
