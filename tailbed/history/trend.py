"""A cell over time: its figure in every experiment that measured it, and where its level changed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np

from tailbed.analysis.intervals import Interval, NoInterval, run_interval
from tailbed.history.cells import CellKey, find_cells, names_of
from tailbed.history.change_points import LEVEL, SMALLEST, change_points, fewest_figures, levels
from tailbed.history.columns import Row
from tailbed.history.differences import deployment_differences, environment_differences
from tailbed.history.figures import Figure
from tailbed.history.store import fetched, opened

_IN_ORDER: Final = "SELECT * FROM runs WHERE $suite IS NULL OR suite = $suite ORDER BY started, experiment, cell, block"


@dataclass(frozen=True)
class Point:
    """One experiment's figure of the cell.

    Attributes:
        name, started, folder: of the experiment.
        estimate: geometric mean over the VALID runs that have the figure, in its own unit; None where none has.
        low, high: of the 95% interval over runs; None where they are too few.
        valid, runs: how many runs the cell has there, and how many of them are VALID.
        run_folders: of the runs that the figure is of, relative to the experiment's.
    """

    name: str
    started: datetime
    folder: Path
    estimate: float | None
    low: float | None
    high: float | None
    valid: int
    runs: int
    run_folders: list[str]


@dataclass(frozen=True)
class Change:
    """Another level, from one experiment on.

    Attributes:
        at: the first experiment of it, as an index into the points that have a figure.
        ratio: of the geometric mean after it, up to the next change, over that before it.
        worse: whether that is to the worse.
        changed: what else changed between the two experiments, a line each.
    """

    at: int
    ratio: float
    worse: bool
    changed: list[str]


@dataclass(frozen=True)
class Trend:
    """One cell's figure over time.

    Attributes:
        name: the cell's.
        points: in the order of time.
        changes: in the order of time.
        fewest: with fewer figures than this no change is looked for.
    """

    name: str
    figure: Figure
    points: list[Point]
    changes: list[Change]
    fewest: int

    @property
    def figured(self) -> list[Point]:
        """The points that have a figure, in the order of time."""
        return [point for point in self.points if point.estimate is not None]


def trends(words: str, figure: Figure, suite: str | None = None, smallest: float = SMALLEST) -> list[Trend]:
    """The trend of every cell that has all of ``words`` in its name, in the order of their names.

    The probability of a mark by chance is shared among the cells that are looked at together.

    Args:
        words: such as ``digits onnx fastapi closed x1``.
        figure: which figure.
        suite: only of experiments of this suite.
        smallest: smaller changes than this share are not marked.

    Raises:
        HistoryError: the history cannot be read, or no cell has these words.
    """
    with opened() as database:
        rows = fetched(database.execute(_IN_ORDER, {"suite": suite}))
    cells: dict[CellKey, list[Row]] = {}
    for row in rows:
        cells.setdefault(CellKey.of(row), []).append(row)
    chosen = find_cells(words, list(cells))
    names = names_of(chosen)
    measured = {key: _points(cells[key], figure) for key in chosen}
    looked_at = sum(_figures(points).size >= fewest_figures(LEVEL) for points, _ in measured.values())
    level = LEVEL / max(looked_at, 1)
    return [_trend(names[key], figure, *measured[key], level, smallest) for key in chosen]


def _trend(
    name: str, figure: Figure, points: list[Point], rows: Mapping[int, Row], level: float, smallest: float
) -> Trend:
    figures = _figures(points)
    places = [place for place, point in enumerate(points) if point.estimate is not None]
    found = change_points(figures, level, smallest)
    means = levels(figures, found) if figures.size else []
    changes = []
    for number, at in enumerate(found):
        ratio = means[number + 1] / means[number]
        before, after = rows[places[at - 1]], rows[places[at]]
        changed = [*environment_differences(before, after), *deployment_differences(before, after)]
        changes.append(Change(at, ratio, (ratio < 1) == figure.more_is_better, changed))
    return Trend(name, figure, points, changes, fewest_figures(level))


def _points(rows: Sequence[Row], figure: Figure) -> tuple[list[Point], dict[int, Row]]:
    """A point an experiment, and one of its rows by the point's place."""
    experiments: dict[object, list[Row]] = {}
    for row in rows:
        experiments.setdefault(row["experiment"], []).append(row)
    points = [_point(runs, figure) for runs in experiments.values()]
    return points, {place: runs[0] for place, runs in enumerate(experiments.values())}


def _point(runs: Sequence[Row], figure: Figure) -> Point:
    valid = [run for run in runs if run["validity"] == "VALID"]
    counted = [run for run in valid if _positive(run[figure.column])]
    found = run_interval(np.array([_number(run[figure.column]) / figure.per_unit for run in counted]))
    first = runs[0]
    assert isinstance(first["started"], datetime)
    return Point(
        name=str(first["name"]),
        started=first["started"],
        folder=Path(str(first["folder"])),
        estimate=found.estimate,
        low=None if isinstance(found, NoInterval) else found.low,
        high=found.high if isinstance(found, Interval) else None,
        valid=len(valid),
        runs=len(runs),
        run_folders=[str(run["run"]) for run in counted if run["run"] is not None],
    )


def _positive(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value) and value > 0


def _number(value: object) -> float:
    assert isinstance(value, int | float)
    return float(value)


def _figures(points: Iterable[Point]) -> np.ndarray:
    return np.array([point.estimate for point in points if point.estimate is not None], float)
