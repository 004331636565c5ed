"""Numbers on the command line."""

from __future__ import annotations

import math

import click


class FiniteRange(click.FloatRange):
    """A number in a range; neither ``nan`` nor ``inf``, which compare with nothing or last for ever."""

    def convert(self, value: str | float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number, or a usage error."""
        number = float(super().convert(value, param, ctx))  # type: ignore[arg-type]  # click parses the text itself
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return number
