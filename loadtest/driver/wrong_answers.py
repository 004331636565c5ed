"""Wrong answers among those that were compared, in the words that Locust's user reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from loadtest.records import EngineFacts


@dataclass(frozen=True)
class WrongAnswers:
    """Answers in the measured window that are not as they should be.

    Attributes:
        count: how many, at least 1.
        checked: how many were compared.
        first: what is wrong with the first of them.
    """

    count: int
    checked: int
    first: str

    @classmethod
    def among(cls, facts: EngineFacts) -> Self | None:
        """Those of a run; None where there are none."""
        return cls(facts.wrong, facts.checked, facts.first_wrong or "") if facts.wrong else None

    def __str__(self) -> str:
        """In one line."""
        return f"INVALID: {self.count} of {self.checked} checked answers are wrong: {self.first}"
