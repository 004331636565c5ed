"""Queue and compute by the servers' own metrics, and what their processes took."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tailbed.report.section import Section
from tailbed.report.source import Source
from tailbed.results.identity import Identity, natural
from tailbed.results.schema import Cell


@dataclass(frozen=True)
class Column:
    """Something that a server takes. A column in which no cell has a figure is not shown."""

    key: str
    title: str
    digits: int


@dataclass(frozen=True)
class Row:
    """One cell, and what its server took by column; None where the machine does not show it."""

    name: str
    cell: Cell
    used: Mapping[str, float | None]


_COLUMNS = (
    Column("cores", "CPU cores", 2),
    Column("per_request", "CPU ms a request", 3),
    Column("memory", "Memory, MB", 0),
    Column("threads", "Threads", 0),
    Column("gpu", "GPU, %", 0),
    Column("gpu_memory", "GPU memory, MB", 0),
    Column("gpu_energy", "GPU energy, J", 1),
    Column("cpu_energy", "CPU energy, J", 1),
)


def prepare(source: Source) -> Section | None:
    """A row for every cell whose server tells something of itself."""
    rows = [
        Row(source.names[Identity.of(cell)], cell, _used(cell))
        for cell in sorted(source.summary.cells, key=lambda cell: _order(source, cell))
        if cell.compute_mean_ms is not None or cell.resources
    ]
    if not rows:
        return None
    split = [
        {
            "deployment": source.identities.index(Identity.of(row.cell)),
            "scenario": row.cell.scenario,
            "queue": row.cell.queue_mean_ms or 0.0,
            "compute": row.cell.compute_mean_ms,
            "service": row.cell.service_p50_ms,
        }
        for row in rows
        if row.cell.compute_mean_ms is not None and row.cell.service_p50_ms is not None
    ]
    columns = [column for column in _COLUMNS if any(row.used[column.key] is not None for row in rows)]
    own = {"rows": rows, "columns": columns, "split": split, "raw": [source.link("summary.json")]}
    return Section("Where the time goes", own, [split] if split else None)


def _order(source: Source, cell: Cell) -> tuple[object, ...]:
    return source.identities.index(Identity.of(cell)), natural(cell.scenario)


def _used(cell: Cell) -> dict[str, float | None]:
    used = cell.resources
    if used is None:
        return dict.fromkeys(column.key for column in _COLUMNS)
    cores, rate = used.cpu_cores, cell.achieved_rate
    return {
        "cores": cores,
        "per_request": 1000 * cores / rate if cores is not None and rate else None,
        "memory": _scaled(used.peak_memory_bytes, 1e-6),
        "threads": used.threads,
        "gpu": _scaled(used.gpu_utilization, 100),
        "gpu_memory": _scaled(used.gpu_memory_bytes, 1e-6),
        "gpu_energy": used.gpu_energy_j,
        "cpu_energy": used.cpu_energy_j,
    }


def _scaled(value: float | None, factor: float) -> float | None:
    return None if value is None else factor * value
