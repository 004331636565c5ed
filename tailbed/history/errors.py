"""What can go wrong with the history."""

from __future__ import annotations

from typing import Final

from models import TailbedError

NO_RUN: Final = "no run in the history: experiments are recorded when they end"


class HistoryError(TailbedError):
    """A name that no experiment has, a file of the store that cannot be read, or a question that it cannot answer."""
