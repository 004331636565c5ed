"""Which serving stacks there are and what each serves, as people read it and as docs/STACKS.md shows it."""

from __future__ import annotations

from dataclasses import dataclass

from exporters import all_exporters
from servers import STACKS


@dataclass(frozen=True)
class StackRow:
    """One stack in one protocol.

    Attributes:
        name: of the stack.
        protocol: what it is asked in.
        ports: what it needs ports for.
        stands_in_for: the product whose protocol it speaks without being that product.
        environment: what ``tailbed install`` gets for it.
        missing: what this machine lacks to run it and how to get it.
        serves: what computes an artifact behind it, by the artifact's format.
    """

    name: str
    protocol: str
    ports: tuple[str, ...]
    stands_in_for: str | None
    environment: str | None
    missing: str | None
    serves: dict[str, str]


def formats() -> tuple[str, ...]:
    """The formats that artifacts have, whatever framework they come from."""
    return tuple(dict.fromkeys(exporter.format for exporter in all_exporters()))


def stack_rows() -> list[StackRow]:
    """Every stack that is registered, folder by folder."""
    return [
        StackRow(
            stack.name,
            stack.protocol,
            stack.ports,
            stack.stands_in_for,
            stack.environment.name if stack.environment else None,
            stack.missing(),
            {format: computes for format in formats() if (computes := stack.serves(format))},
        )
        for stack in map(STACKS.get, STACKS.names())
    ]


def markdown() -> str:
    """The tables of docs/STACKS.md, which are the same on every machine."""
    rows = stack_rows()
    lines = [_line(["stack", "protocol", "ports", "environment", "stands in for"]), _line(["---"] * 5)]
    lines += [
        _line([row.name, row.protocol, ", ".join(row.ports), row.environment or "", row.stands_in_for or ""])
        for row in rows
    ]
    alike: dict[tuple[str, ...], list[str]] = {}
    for row in rows:
        alike.setdefault(tuple(row.serves.get(format, "") for format in formats()), []).append(row.name)
    lines += ["", _line(["format", *(", ".join(names) for names in alike.values())]), _line(["---"] * (1 + len(alike)))]
    lines += [_line([format, *cells]) for format, *cells in zip(formats(), *alike, strict=True)]
    return "\n".join(lines) + "\n"


def _line(entries: list[str]) -> str:
    return "| " + " | ".join(entries) + " |"
