"""The table: a row a cell, every figure as text, every figure that is not there with its reason."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

from loadtest.records import NAME as RECORDS
from tailbed.report.section import Section
from tailbed.report.source import Source
from tailbed.results.folder import ExperimentFolder
from tailbed.results.identity import Identity, natural
from tailbed.results.schema import Cell


@dataclass(frozen=True)
class Column:
    """A column of figures.

    Attributes:
        field: of ``Cell``, or of its ``cold_start``.
        group: the heading above its own, with the unit.
        digits: that the group's smallest figure must show; 0 for whole numbers.
    """

    field: str
    title: str
    group: str
    digits: int = 3

    @property
    def opens(self) -> bool:
        """Whether it is the first of its group."""
        return self is next(column for column in COLUMNS if column.group == self.group)


COLUMNS = (
    Column("p50_ms", "P50", "Response, ms"),
    Column("p90_ms", "P90", "Response, ms"),
    Column("p99_ms", "P99", "Response, ms"),
    Column("p999_ms", "P99.9", "Response, ms"),
    Column("service_p50_ms", "P50", "Service, ms"),
    Column("lag_p99_ms", "P99", "Lag, ms"),
    Column("offered_rate", "offered", "Rate, 1/s", digits=4),
    Column("achieved_rate", "achieved", "Rate, 1/s", digits=4),
    Column("requests", "total", "Requests", digits=0),
    Column("errors", "failed", "Requests", digits=0),
    Column("ready_ms", "ready", "Cold start, ms", digits=0),
    Column("first_answer_ms", "first answer", "Cold start, ms", digits=0),
)


GROUPS = Counter(column.group for column in COLUMNS)
"""How many columns each group has, in the order of the columns."""


_WORDS = ("insufficient", "saturated", "disturbed")
"""First words of a reason that stand in the place of the figure."""


@dataclass(frozen=True)
class Figure:
    """One entry of the table: a value, or in its place a word and a note that says why there is none."""

    text: str
    value: float | None
    note: str | None = None
    interval: str | None = None
    """Its 95% interval over runs, where there are runs enough."""


@dataclass(frozen=True)
class Row:
    """One cell as the table shows it."""

    cell: Cell
    artifact: str
    where: str
    """Server and protocol, for narrow screens; one word where they share it."""
    figures: Sequence[Figure]
    remarks: Sequence[str]
    """What a reader of the row must know: reasons for INVALID, failures, wrong answers."""
    records: str | None
    """Relative address of the raw records, None where there is no such file."""
    files: str | None
    """Relative address of the run's folder, None where there is none."""
    opens_group: bool
    """Whether the row is the first one of its scenario."""


@dataclass
class Table:
    """Rows by scenario and deployment, and the notes that their missing figures point to, by letter."""

    rows: list[Row] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)

    def note(self, text: str) -> str:
        """The letter of the note that says ``text``; the same text gets the same letter."""
        for letter, known in self.notes.items():
            if known == text:
                return letter
        letter = _letter(len(self.notes))
        self.notes[letter] = text
        return letter


def prepare(source: Source) -> Section:
    """The table of all cells; also of an experiment that has none."""
    table = build_table(source.folder, source.summary.cells)
    return Section("Every cell", {"table": table, "columns": COLUMNS, "groups": GROUPS})


def build_table(folder: ExperimentFolder, cells: Sequence[Cell]) -> Table:
    """Lay out ``cells`` as a table. Whether the raw files are there is looked up in ``folder``."""
    table = Table()
    decimals = {column.group: _decimals(column.group, cells) for column in COLUMNS}
    scenario = None
    for cell in sorted(cells, key=_order):
        table.rows.append(
            Row(
                cell=cell,
                artifact=Identity.of(cell).artifact,
                where=", ".join(dict.fromkeys((cell.server or "unknown", cell.protocol))),
                figures=[_figure(table, cell, column, decimals[column.group]) for column in COLUMNS],
                remarks=_remarks(cell),
                records=_address(folder, cell, RECORDS),
                files=_address(folder, cell, ""),
                opens_group=cell.scenario != scenario,
            )
        )
        scenario = cell.scenario
    return table


def _order(cell: Cell) -> tuple[object, ...]:
    return (natural(cell.scenario), *map(natural, Identity.of(cell)))


def _value(cell: Cell, name: str) -> float | None:
    source = cell.cold_start if name in ("ready_ms", "first_answer_ms") else cell
    value: float | None = getattr(source, name, None)
    return value


def _decimals(group: str, cells: Sequence[Cell]) -> int:
    """As many decimals as show the group's smallest figure with its digits; never more than three."""
    columns = [column for column in COLUMNS if column.group == group]
    values = [value for cell in cells for column in columns if (value := _value(cell, column.field))]
    digits = columns[0].digits
    return min(max(digits - 1 - math.floor(math.log10(min(values))), 0), 3) if values and digits else 0


def _figure(table: Table, cell: Cell, column: Column, decimals: int) -> Figure:
    value = _value(cell, column.field)
    if value is not None:
        over_runs = cell.intervals.get(column.field)
        interval = f"{over_runs.low:,.{decimals}f} to {over_runs.high:,.{decimals}f}" if over_runs else None
        return Figure(f"{value:,.{decimals}f}", value, interval=interval)
    reason = _why_missing(cell, column)
    word = next((word for word in _WORDS if reason.startswith(f"{word}:")), "-")
    return Figure(word, None, table.note(f"{column.group.partition(',')[0]} {column.title}: {reason}"))


def _why_missing(cell: Cell, column: Column) -> str:
    if column.field in cell.missing:
        return cell.missing[column.field]
    if column.field == "offered_rate":
        return "a closed loop has no schedule; each client sends when it is answered"
    if column.group.startswith("Cold start"):
        return "the server was not started by tailbed" if cell.cold_start is None else "it was wrong or failed"
    return "not recorded"


def _remarks(cell: Cell) -> list[str]:
    remarks = list(cell.reasons)
    again = sum(run.attempt - 1 for run in cell.runs)
    if again:
        remarks.append(f"{again} runs were repeated because the machine disturbed them; every attempt is kept")
    if cell.errors and cell.validity == "VALID":
        kinds = ", ".join(f"{count} {kind}" for kind, count in cell.error_kinds.items())
        remarks.append(f"{cell.errors} of {cell.requests} requests failed: {kinds}")
    return remarks


def _address(folder: ExperimentFolder, cell: Cell, file: str) -> str | None:
    if cell.run is None or not (folder.path / cell.run / file).exists():
        return None
    return quote(f"{cell.run}/{file}")


def _letter(place: int) -> str:
    """a to z, then aa, ab and so on."""
    head, last = divmod(place, 26)
    return (_letter(head - 1) if head else "") + chr(ord("a") + last)
