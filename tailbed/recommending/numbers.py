"""Figures in sentences."""

from __future__ import annotations

from collections.abc import Callable

from tailbed.results.schema import QuotedInterval

Say = Callable[[float], str]
"""A throughput in answers a second, as a goal tells it."""

_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def time_text(value_ms: float, interval: QuotedInterval | None = None) -> str:
    """``0.39 ms [0.37, 0.41]``, or seconds from one on; without an interval the time alone."""
    unit, scale = ("s", 1000.0) if value_ms >= 1000 else ("ms", 1.0)
    ends = f" [{_digits(interval.low / scale)}, {_digits(interval.high / scale)}]" if interval else ""
    return f"{_digits(value_ms / scale)} {unit}{ends}"


def rate(per_s: float) -> str:
    """``7,352/s``."""
    return f"{per_s:,.0f}/s" if per_s >= 100 else f"{per_s:.3g}/s"


def counted(number: int, thing: str) -> str:
    """``one run``, ``three runs``; from eleven on in digits."""
    word = _WORDS[number] if number < len(_WORDS) else str(number)
    ending = "" if number == 1 else "es" if thing.endswith("s") else "s"
    return f"{word} {thing}{ending}"


def _digits(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}" if value >= 1 else f"{value:.2g}"
