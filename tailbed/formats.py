"""Which sources, formats, precisions and devices there are, as people read it and as docs/FORMATS.md shows it."""

from __future__ import annotations

from dataclasses import dataclass

from exporters import PRECISIONS, all_exporters
from servers.runtimes import runtime_for


@dataclass(frozen=True)
class FormatRow:
    """One source in one format.

    Attributes:
        framework: the source.
        format: the format.
        runtime: what loads it behind our own servers.
        precisions: those that it is written in.
        devices: those that the runtime can compute on, where the machine has them.
        batch_sizes: the batch sizes that the file computes; None for any.
        unsupported: precisions that the format has and its libraries refuse, with the library's own message.
    """

    framework: str
    format: str
    runtime: str
    precisions: tuple[str, ...]
    devices: tuple[str, ...]
    batch_sizes: tuple[int, ...] | None
    unsupported: dict[str, str]


def format_rows() -> list[FormatRow]:
    """Every source and format that is registered, by format."""
    return [
        FormatRow(
            exporter.framework,
            exporter.format,
            (runtime := runtime_for(exporter.format)).name,
            exporter.precisions,
            runtime.devices,
            exporter.batch_sizes,
            dict(exporter.unsupported),
        )
        for exporter in all_exporters()
    ]


def markdown() -> str:
    """The tables of docs/FORMATS.md."""
    rows = format_rows()
    head = ["format", "source", "runtime", *PRECISIONS, "batch", "devices"]
    lines = [_line(head), _line(["---"] * len(head))]
    for row in rows:
        marks = ["yes" if each in row.precisions else "no" if each in row.unsupported else "" for each in PRECISIONS]
        batch = "any" if row.batch_sizes is None else ", ".join(map(str, row.batch_sizes))
        lines.append(_line([row.format, row.framework, row.runtime, *marks, batch, ", ".join(row.devices)]))
    refused = [
        f"- {row.format} from {row.framework}, {precision}: `{reason}`"
        for row in rows
        for precision, reason in row.unsupported.items()
    ]
    return "\n".join([*lines, "", "What the libraries refuse, in their own words (`no` above):", "", *refused]) + "\n"


def _line(entries: list[str]) -> str:
    return "| " + " | ".join(entries) + " |"
