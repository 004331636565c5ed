"""Results as a table in the terminal, eighty columns wide if need be."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tailbed.analysis.core_speed import uneven_speed
from tailbed.results.identity import Identity, short_names
from tailbed.results.schema import Calibration, Cell, DeploymentFacts, QuotedInterval, Summary

_QUICK = "quick mode: fewer than 10,000 requests or 60 s a run"
_ONE_RUN = "one run a cell: no intervals, a first look and no verdict"
_REPEATED = "figures are over the VALID runs, 95% is the interval of P99"
_FLOOR = "floor: what this client sees of a server without a model, before the experiment"
_NARROW = 80
_LOAD = len("closed x1")
_LONGEST_WORD = len("torchserve-rest")
_NO_ERRORS = "no request failed; "
_ID = len("sha256:") + 12
"""Characters of an image's ID, as the engine itself prints it."""
_UNITS = "latencies in ms, rates in 1/s, cold start in s: ready, first correct answer"


def print_summary(summary: Summary) -> None:
    """Print an experiment's table with everything that a reader must know beside it."""
    console = Console()
    console.print(Text(f"{summary.suite}  {summary.started}  {summary.elapsed_s:.0f} s", style="bold"))
    print_cells(summary.cells, console, summary.calibration)
    for line in _images(summary.deployments):
        console.print(Text(f"image     {line}", style="dim"))
    for line in summary.left_out:
        console.print(Text(f"left out  {line}", style="dim"))
    for failure in summary.failures:
        console.print(Text(f"FAILED  {failure}", style="red"))
    if not summary.complete:
        finished = sum(run.finished for cell in summary.cells for run in cell.runs)
        of = f" of {summary.planned_cells * summary.blocks}" if summary.planned_cells is not None else ""
        console.print(Text(f"INCOMPLETE: {finished}{of} runs were measured to their end", style="yellow"))


def _images(deployments: Sequence[DeploymentFacts]) -> list[str]:
    """Each image in a line, with what it serves."""
    served: dict[str, list[str]] = {}
    for each in deployments:
        if image := each.image:
            line = f"{image.name}, {image.size_bytes / 1e6:.0f} MB, {image.id[:_ID]}"
            served.setdefault(line, []).append(" with ".join(filter(None, (each.server, each.variant))))
    return [f"{line}: {', '.join(stacks)}" for line, stacks in served.items()]


def print_cells(cells: Sequence[Cell], console: Console, floors: Sequence[Calibration] = ()) -> None:
    """Print one row a cell and one a floor, then why some are INVALID or have no P99."""
    if not cells:
        return
    names = names_of(cells)
    cold = any(cell.cold_start for cell in cells)
    repeated = any(len(cell.runs) > 1 for cell in cells)
    failed = any(cell.errors for cell in cells)
    floor_names = [f"null server {floor.protocol}" for floor in floors]
    table = _empty_table(names + floor_names, [cell.scenario for cell in cells], repeated, failed, cold)
    if console.width <= _NARROW:
        # Else rich takes from the figures what the longest names leave of the line.
        table.columns[2].max_width = _LOAD
    for name, cell in zip(names, cells, strict=True):
        row: list[str | Text] = [_validity(cell), name, cell.scenario]
        row += map(_latency, (cell.p50_ms, cell.p90_ms, cell.p99_ms))
        row += [_spread(cell.intervals.get("p99_ms"))] if repeated else []
        row += map(_latency, (cell.service_p50_ms, cell.lag_p99_ms))
        row += [_rate(cell.achieved_rate), *([str(cell.errors)] if failed else [])]
        if cold:
            start = cell.cold_start
            row += [_seconds(start.ready_ms), _seconds(start.first_answer_ms)] if start else ["-", "-"]
        table.add_row(*row)
    for name, floor in zip(floor_names, floors, strict=True):
        row = ["floor", name, floor.scenario, _latency(floor.p50_ms), "", _latency(floor.p99_ms)]
        row += [""] * (3 if repeated else 2) + [_rate(floor.rate)]
        table.add_row(*row, style="dim")
    console.print(table)
    for name, cell in zip(names, cells, strict=True):
        # Of a VALID cell of several runs, these are about the runs that its figures are without.
        word = "INVALID " if cell.validity == "INVALID" else "left out"
        for reason in cell.reasons:
            console.print(Text(f"{word} {name}, {cell.scenario}: {reason.partition(';')[0]}", style="yellow"))
    for title, field in (("P50", "p50_ms"), ("P90", "p90_ms"), ("P99", "p99_ms")):
        for line in _missing(field, names, cells):
            console.print(Text(f"no {title}   {line}", style="dim"))
    for name, floor in zip(floor_names, floors, strict=True):
        for reason in floor.reasons:
            console.print(Text(f"no floor {name}, {floor.scenario}: {reason.partition(';')[0]}", style="dim"))
    units = _UNITS if cold else _UNITS.partition(", cold")[0]
    console.print(Text(units if failed else _NO_ERRORS + units, style="dim"))
    if repeated:
        console.print(Text(_REPEATED, style="dim"))
    again = sum(run.attempt - 1 for cell in cells for run in cell.runs)
    if again:
        console.print(Text(f"{again} runs were repeated because the machine disturbed them; all are kept", style="dim"))
    if uneven := uneven_speed(cells):
        console.print(Text(uneven, style="yellow"))
    if floors:
        console.print(Text(_FLOOR, style="dim"))
    notes = [_QUICK] if any(cell.mode == "quick" for cell in cells) else []
    notes += [] if repeated else [_ONE_RUN]
    if notes:
        console.print(Text("; ".join(notes), style="dim"))


def _missing(field: str, names: Sequence[str], cells: Sequence[Cell]) -> list[str]:
    """Which cells have no such figure and why; those that only had too few requests in one line."""
    lines: list[str] = []
    insufficient: list[str] = []
    for name, cell in zip(names, cells, strict=True):
        if field in cell.missing:
            # The first half says what happened; the rest is in the report and in summary.json.
            reason = cell.missing[field].partition(";")[0]
            kept = insufficient if reason.startswith("insufficient") else lines
            kept.append(f"{name}, {cell.scenario}: {reason}")
    others = f" (and {len(insufficient) - 1} more such)" if len(insufficient) > 1 else ""
    return [*lines, *(line + others for line in insufficient[:1])]


def names_of(cells: Sequence[Cell]) -> list[str]:
    """What tells the deployments apart, a cell each; all of what is known where there is only one."""
    identities = list(dict.fromkeys(map(Identity.of, cells)))
    short = dict(zip(identities, short_names(identities), strict=True))
    # A blank between the parts, where a narrow terminal may break the line.
    return [short[Identity.of(cell)].replace(" · ", " ") for cell in cells]


def _empty_table(names: Sequence[str], scenarios: Sequence[str], repeated: bool, failed: bool, cold: bool) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1), collapse_padding=True, header_style="dim")
    # First, where no terminal is too narrow for it.
    table.add_column("VALID" if repeated else "", no_wrap=True)
    for heading, texts in (("", names), ("load", scenarios)):
        # Broken within a word only where it is longer than most: no column beside it may be squeezed out.
        longest = max(len(word) for text in texts for word in text.split())
        table.add_column(heading, min_width=min(longest, _LONGEST_WORD), overflow="fold")
    headings = ["P50", "P90", "P99", *(["95%"] if repeated else []), "service\nP50", "lag\nP99", "rate"]
    # Eighty columns have no room for a column of zeros.
    headings += [*(["err"] if failed else []), *(["ready", "first"] if cold else [])]
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _latency(value: float | None) -> str:
    """Milliseconds in four characters, or a dash where there is no figure; summary.json has all digits."""
    if value is None:
        return "-"
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _rate(per_s: float) -> str:
    return f"{per_s:.0f}" if per_s >= 10 else f"{per_s:.2g}"


def _validity(cell: Cell) -> Text:
    """The verdict on the one run, or how many of several are VALID."""
    style = "green" if cell.validity == "VALID" else "bold yellow"
    if len(cell.runs) < 2:
        return Text(cell.validity, style=style)
    return Text(f"{sum(run.validity == 'VALID' for run in cell.runs)}/{len(cell.runs)}", style=style)


def _spread(interval: QuotedInterval | None) -> str:
    return "-" if interval is None else f"{_latency(interval.low)}-{_latency(interval.high)}"


def _seconds(milliseconds: float | None) -> str:
    return "-" if milliseconds is None else f"{milliseconds / 1000:.2f}"
