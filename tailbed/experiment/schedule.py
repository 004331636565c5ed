"""Which runs an experiment has: all of them known beforehand, or each following from the ones before it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Protocol

from tailbed.experiment.order import Run
from tailbed.experiment.preparation import Preparation
from tailbed.results.schema import RunResult

Outcome = RunResult | str
"""What came of a run: its result, or why there is none in one line."""
Course = Generator[Run, Outcome | None, None]
"""Gives the runs one by one. It is sent what came of each; None of one that is not measured yet."""


class Schedule(Protocol):
    """What is run, in which order."""

    @property
    def planned(self) -> Sequence[Run]:
        """All runs, where they are known before the first one; else none."""
        ...

    def course(self, found: Preparation) -> Course:
        """The runs in the order of measuring, the same ones whenever the outcomes are the same.

        A course whose next run follows from an outcome ends where it is sent None.

        Args:
            found: what was measured before the runs.
        """
        ...

    def runs_of_cell(self, measured: int) -> int:
        """How many runs a cell was to have, given how many it has."""
        ...


@dataclass(frozen=True)
class FixedSchedule:
    """Runs that are known beforehand, such as those of ``order_runs``.

    Attributes:
        planned: in the order of measuring.
        blocks: runs of every cell.
    """

    planned: Sequence[Run]
    blocks: int

    def course(self, found: Preparation) -> Course:  # noqa: ARG002  # whatever was found
        """See ``Schedule``."""
        for run in self.planned:  # noqa: UP028  # a sequence takes no outcome that is sent to it
            yield run

    def runs_of_cell(self, measured: int) -> int:  # noqa: ARG002  # however many it has
        """See ``Schedule``."""
        return self.blocks


def follow(course: Course, outcome_of: Callable[[Run], Outcome | None]) -> None:
    """Go through a course to its end; each run's outcome is what ``outcome_of`` gives for it."""
    outcome: Outcome | None = None
    while True:
        try:
            run = course.send(outcome)
        except StopIteration:
            return
        outcome = outcome_of(run)
