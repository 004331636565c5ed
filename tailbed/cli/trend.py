"""The history in the terminal: experiments in two lines each, and a cell's figures with their changes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from rich.console import Console
from rich.text import Text

from tailbed.history.experiments import Experiment
from tailbed.history.trend import Change, Point, Trend

_BARS: Final = "▁▂▃▄▅▆▇█"
_NAME: Final = 30
_EIGHTH: Final = math.log(1.5)
"""Ratio of the largest figure to the smallest that fills the whole height; smaller ones stay low, as noise does."""


def print_experiments(experiments: Sequence[Experiment]) -> None:
    """Print two lines an experiment: the figures, and its suite, best figure and folder below."""
    console = Console()
    wide = min(_NAME, max(len(each.name) for each in experiments))
    console.print(Text(f"{'name':<{wide}}  {'started (UTC)':<16}  cells  VALID runs", style="dim"))
    for each in experiments:
        cells = str(each.cells) if each.planned_cells in (None, each.cells) else f"{each.cells}/{each.planned_cells}"
        valid = f"{each.valid} of {each.runs}"
        line = Text(f"{each.name:<{wide}}  {each.started:%Y-%m-%d %H:%M}  {cells:>5}  {valid:>10}")
        line.append("" if each.complete else "  INCOMPLETE", style="yellow")
        console.print(line, soft_wrap=True)
        if each.best:
            console.print(Text(f"  {each.best_by}: {each.best}"), soft_wrap=True)
        gone = "  GONE" if each.gone else ""
        suite = "" if each.name.startswith(each.suite) else f"{each.suite}  "
        console.print(Text(f"  {suite}{each.folder}{gone}", style="dim"), soft_wrap=True)


def print_trends(trends: Sequence[Trend]) -> None:
    """Print each trend: its sparkline, a line an experiment, and a mark where the level changed."""
    console = Console()
    for place, trend in enumerate(trends):
        if place:
            console.print()
        _print_trend(trend, console)


def _print_trend(trend: Trend, console: Console) -> None:
    figure = trend.figure
    console.print(Text(trend.name, style="bold"))
    console.print(Text(f"{figure.title} in {figure.unit}  {_sparkline(trend)}"))
    wide = min(_NAME, max(len(point.name) for point in trend.points))
    heading = f"{'experiment':<{wide}}  {'started (UTC)':<16}  {figure.title:>7}  {'95%':<14}  VALID"
    console.print(Text(heading, style="dim"), soft_wrap=True)
    changes = {id(trend.figured[change.at]): change for change in trend.changes}
    for point in trend.points:
        if change := changes.get(id(point)):
            _print_change(change, console)
        line = f"{point.name:<{wide}}  {point.started:%Y-%m-%d %H:%M}  {_number(point.estimate):>7}  "
        line += f"{_spread(point):<14}  {point.valid} of {point.runs}"
        console.print(Text(line), soft_wrap=True)
    count = len(trend.figured)
    if count < trend.fewest:
        line = f"changes are looked for from {trend.fewest} experiments with the figure on: here are {count}"
    elif not trend.changes:
        line = f"no change of level shown over {count} experiments"
    else:
        return
    console.print(Text(line, style="dim"))


def _print_change(change: Change, console: Console) -> None:
    word = "worse" if change.worse else "better"
    style = "bold red" if change.worse else "bold green"
    console.print(Text(f"-- from here on {change.ratio:.2f}x: {word}", style=style))
    for line in change.changed or ["nothing that is recorded changed here"]:
        console.print(Text(f"   {line}", style="dim"), soft_wrap=True)


def _spread(point: Point) -> str:
    if point.low is None or point.high is None:
        return "-"
    return f"{_number(point.low)}-{_number(point.high)}"


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.0f}" if value >= 1000 else f"{value:.3g}"


def _sparkline(trend: Trend) -> str:
    """A bar a figure, on a logarithmic scale, and a stroke before each change of level."""
    logs = [math.log(point.estimate) for point in trend.figured if point.estimate is not None]
    if not logs:
        return ""
    least, spread = min(logs), max(max(logs) - min(logs), _EIGHTH)
    bars = [_BARS[min(int((value - least) / spread * len(_BARS)), len(_BARS) - 1)] for value in logs]
    ends = [0, *(change.at for change in trend.changes), len(bars)]
    return "|".join("".join(bars[begin:end]) for begin, end in pairwise(ends))
