"""Figures as text."""

from __future__ import annotations

import math


def format_ms(value: float) -> str:
    """A time that stands alone, with three significant digits and at most three decimals."""
    decimals = 2 - math.floor(math.log10(value)) if value > 0 else 0
    return f"{value:,.{min(max(decimals, 0), 3)}f}"


def format_rate(value: float) -> str:
    """A rate or a number of answers a second: whole from 100 on, else with three significant digits."""
    return f"{value:,.0f}" if value >= 100 else format_ms(value)


def format_money(value: float, currency: str | None) -> str:
    """An amount with its currency, to the hundredth, or as far as its first two digits."""
    decimals = max(2, 1 - math.floor(math.log10(value))) if value > 0 else 2
    return " ".join(filter(None, (f"{value:,.{min(decimals, 6)}f}", currency)))


def format_percent(share: float, digits: int = 1) -> str:
    """A share as percent, without the sign."""
    return f"{100 * share:.{digits}f}"


def format_signed_percent(share: float, digits: int = 1) -> str:
    """A change as percent with its sign, without the percent sign; a true minus."""
    text = f"{100 * share:+.{digits}f}"
    return text.replace("-", "\N{MINUS SIGN}")


def format_bytes(size: float) -> str:
    """``12.3 MB``, ``870 kB``."""
    return f"{format_ms(size / 1e6)} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"
