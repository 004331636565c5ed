"""Where the time goes inside the servers, and how they start, as a table in the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tailbed.cli.table import names_of
from tailbed.results.schema import Cell, Summary

_LEGEND = (
    "ms: service P50 at the client; queue and compute: the server's means, with warm-up,",
    "compute with all that lies between frontend and model (docs/STACKS.md); s: stages",
)
_STAGES = ("listening_ms", "ready_ms", "first_answer_ms", "steady_ms")


def print_inside(summary: Summary) -> None:
    """Print a row for each cell, where some server tells where its time went, with the stages of its cold start."""
    cells = summary.cells
    if all(cell.compute_mean_ms is None for cell in cells):
        return
    console = Console()
    console.print(Text("where the time goes, and how servers start", style="bold"))
    console.print(_table(cells))
    for line in _LEGEND:
        console.print(Text(line, style="dim"))


def _table(cells: Sequence[Cell]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1), collapse_padding=True, header_style="dim")
    for heading in ("", "load"):
        table.add_column(heading, overflow="fold")
    # Where runs warm up by time alone there is none, and no room for a column without figures.
    steady = any(cell.cold_start and cell.cold_start.steady_ms is not None for cell in cells)
    stages = _STAGES if steady else _STAGES[:-1]
    for heading in (
        "service\nP50",
        "queue",
        "compute",
        "port\nopen",
        "ready",
        "first",
        *(["steady"] if steady else []),
    ):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, cell in zip(names_of(cells), cells, strict=True):
        start = cell.cold_start
        reached = [getattr(start, stage) if start else None for stage in stages]
        table.add_row(
            name,
            cell.scenario,
            *(_number(value, 1.0) for value in (cell.service_p50_ms, cell.queue_mean_ms, cell.compute_mean_ms)),
            *(_number(value, 1e3) for value in reached),
            style="" if cell.validity == "VALID" else "yellow",
        )
    return table


def _number(value: float | None, unit: float) -> str:
    return "-" if value is None else f"{value / unit:.2f}"
