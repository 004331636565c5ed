"""Durations and outcomes in few words."""

from __future__ import annotations

from tailbed.experiment.order import Run
from tailbed.results.schema import RunResult

_MINUTE_S, _HOUR_S = 60, 3600


def duration(seconds: float) -> str:
    """``40 s``, ``2 min 10 s``, ``1 h 05 min``."""
    whole = max(round(seconds), 0)
    if whole < _MINUTE_S:
        return f"{whole} s"
    if whole < _HOUR_S:
        return f"{whole // _MINUTE_S} min {whole % _MINUTE_S:02d} s"
    return f"{whole // _HOUR_S} h {whole % _HOUR_S // _MINUTE_S:02d} min"


def left(seconds: float | None) -> str:
    """``about 2 min 10 s left``; empty where that is not known."""
    return "" if seconds is None else f"about {duration(seconds)} left"


def title(run: Run) -> str:
    """The run, without what nearly all have in common."""
    return run.title.replace("/fp32", "")


def verdict(outcome: RunResult | str) -> tuple[str, str]:
    """The word on a run, and its style."""
    if isinstance(outcome, str):
        return "failed", "red"
    return outcome.validity, "green" if outcome.validity == "VALID" else "yellow"


def milliseconds(value: float | None) -> str:
    """In four characters or so; a dash for none."""
    if value is None:
        return "-"
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
