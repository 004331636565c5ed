"""Cells across experiments: what makes two of them the same one, and how users name it."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, Self

from tailbed.history.errors import NO_RUN, HistoryError
from tailbed.results.identity import natural

_LISTED: Final = 6


class CellKey(NamedTuple):
    """A deployment with its settings, under a scenario; None where the endpoint does not tell."""

    model: str
    format: str | None
    precision: str | None
    server: str | None
    protocol: str
    runtime: str | None
    variant: str | None
    arm: str | None
    scenario: str
    settings: str | None
    """As JSON: with other settings it is another cell, whatever its name."""

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        """The cell of a run."""
        return cls(*(row[field] for field in cls._fields))

    @property
    def name(self) -> str:
        """``digits/onnx/fp32 fastapi closed x1``."""
        artifact = "/".join(filter(None, (self.model, self.format, self.precision)))
        return " ".join(filter(None, (artifact, self.server or self.protocol, self.variant, self.arm, self.scenario)))

    @property
    def words(self) -> set[str]:
        """What it may be called by, in small letters."""
        parts = [part for part in self[:-2] if part] + self.scenario.split()
        return {part.lower() for part in parts}


def find_cells(words: str, cells: Sequence[CellKey]) -> list[CellKey]:
    """The cells whose names have all of ``words``, in natural order.

    A word is one of a cell's parts in whole, as ``onnx`` or ``x1``, or several with a slash between them.

    Raises:
        HistoryError: there is none.
    """
    wanted = words.lower().split()
    found = [cell for cell in cells if all(_has(cell.words, word) for word in wanted)]
    if found:
        return sorted(found, key=lambda cell: tuple(map(natural, cell)))
    if not cells:
        raise HistoryError(NO_RUN)
    known = sorted(set().union(*(cell.words for cell in cells)), key=natural)
    unknown = [word for word in wanted if not any(_has(cell.words, word) for cell in cells)]
    if unknown:
        near = difflib.get_close_matches(unknown[0], known, n=3) or known[:_LISTED]
        raise HistoryError(f"no cell in the history has the word {unknown[0]!r}: there is {', '.join(near)}")
    some = ", ".join(sorted({cell.name for cell in cells}, key=natural)[:_LISTED])
    raise HistoryError(f"no cell in the history has all of {' '.join(wanted)!r}: there is {some}")


def names_of(cells: Sequence[CellKey]) -> dict[CellKey, str]:
    """A name for each; where several have the same one, with what tells them apart."""
    namesakes: dict[str, list[CellKey]] = {}
    for cell in cells:
        namesakes.setdefault(cell.name, []).append(cell)
    return {cell: cell.name + _apart(cell, namesakes[cell.name]) for cell in cells}


def _has(words: set[str], word: str) -> bool:
    return word in words or ("/" in word and set(filter(None, word.split("/"))) <= words)


def _apart(cell: CellKey, namesakes: Sequence[CellKey]) -> str:
    """In brackets: protocol, runtime and settings, as far as the namesakes differ in them; nothing without others."""
    told = [_more(each) for each in namesakes]
    mine = _more(cell)
    apart = [f"{name} {mine.get(name, 'unknown')}" for name in sorted(mine) if len({o.get(name) for o in told}) > 1]
    if len(namesakes) > 1 and not apart:
        apart = ["settings unknown"]
    return f" ({', '.join(apart)})" if apart else ""


def _more(cell: CellKey) -> dict[str, str]:
    told = {"protocol": cell.protocol, "runtime": cell.runtime, **json.loads(cell.settings or "{}")}
    return {name: str(value) for name, value in told.items() if value is not None}
