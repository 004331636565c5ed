"""The experiments of the history, and how they are called."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from tailbed.history.errors import HistoryError
from tailbed.history.store import fetched, opened
from tailbed.results.folder import ExperimentFolder

_BEFORE: Final = re.compile(r"(.+)~(\d{1,6})", re.DOTALL)
_SHOWN: Final = 4
_QUERY: Final = """
    SELECT experiment, name, suite, kind, started, folder, count(DISTINCT cell) AS cells, planned_cells,
        count(*) AS runs, count(*) FILTER (validity = 'VALID') AS valid, complete, best, best_by
    FROM runs WHERE $suite IS NULL OR suite = $suite
    GROUP BY experiment, name, suite, kind, started, folder, planned_cells, complete, best, best_by
    ORDER BY started DESC, experiment
"""


@dataclass(frozen=True)
class Experiment:
    """One experiment, in short.

    Attributes:
        experiment: its identity, which stays when its folder is renamed.
        name: its folder's name.
        kind: ``bench``, ``quantize`` or ``plan``.
        started: UTC, without saying so.
        folder: of its results; it may have gone away.
        cells, planned_cells: how many were measured and were to be; None where the runs follow from one another.
        runs, valid: how many were measured, and are VALID.
        best, best_by: what it recommends, and whose word that is; None where there is nothing.
    """

    experiment: str
    name: str
    suite: str
    kind: str
    started: datetime
    folder: Path
    cells: int
    planned_cells: int | None
    runs: int
    valid: int
    complete: bool
    best: str | None
    best_by: str | None

    @property
    def gone(self) -> bool:
        """Whether its results folder is no longer there."""
        return not self.folder.is_dir()


def experiments(suite: str | None = None) -> list[Experiment]:
    """All of them, or those of one suite, the newest first.

    Raises:
        HistoryError: the history cannot be read.
    """
    with opened() as database:
        rows = fetched(database.execute(_QUERY, {"suite": suite}))
    return [Experiment(**row | {"folder": Path(row["folder"])}) for row in rows]


def called(name: str, among: Sequence[Experiment]) -> Experiment:
    """The experiment that ``name`` means.

    A name is a folder's name, a suite's name, or the beginning of only one folder's name, looked for in this order; of
    several the newest one is meant, and ``~1`` after it means the one before that, ``~2`` the one before that one.

    Args:
        name: as the user wrote it.
        among: the newest first.

    Raises:
        HistoryError: none is called so, or several may be meant.
    """
    if exact := [each for each in among if each.name == name]:
        return exact[0]
    before = _BEFORE.fullmatch(name)
    base, back = (before[1], int(before[2])) if before else (name, 0)
    meant = [each for each in among if each.name == base] or [each for each in among if each.suite == base]
    meant = meant or _begun(base, among)
    if not meant:
        raise HistoryError(f"{base!r}: no experiment of that name in the history{_near(base, among)}")
    if back >= len(meant):
        number = f"only {len(meant)}" if len(meant) > 1 else "only one"
        raise HistoryError(f"{name!r}: there is {number} of {base!r} in the history")
    return meant[back]


def find(word: str) -> ExperimentFolder:
    """The results folder that ``word`` means: a path that exists, or else an experiment of the history.

    Raises:
        HistoryError: it is neither, or the experiment's folder is no longer there.
    """
    if Path(word).exists():
        return ExperimentFolder(Path(word))
    try:
        found = called(word, experiments())
    except HistoryError as error:
        raise HistoryError(f"{word}: not a results folder; {error}") from error
    if found.gone:
        raise HistoryError(f"{found.name}: its results folder is no longer there: {found.folder}")
    return ExperimentFolder(found.folder)


def _begun(beginning: str, among: Sequence[Experiment]) -> list[Experiment]:
    """Those whose one name begins so."""
    found = [each for each in among if beginning and each.name.startswith(beginning)]
    names = list(dict.fromkeys(each.name for each in found))
    if len(names) > 1:
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        listed = ", ".join(names[:_SHOWN])
        raise HistoryError(f"{beginning!r}: is the beginning of {len(names)} names: {listed}{more}")
    return found


def _near(name: str, among: Sequence[Experiment]) -> str:
    known = list(dict.fromkeys([*(each.name for each in among), *(each.suite for each in among)]))
    if not known:
        return ", which is empty"
    near = difflib.get_close_matches(name, known, n=_SHOWN - 1, cutoff=0.5)
    return f": did you mean {' or '.join(near)}?" if near else ": 'tailbed history' lists them"
