"""How far an experiment is: what runs, what is left, and what was found so far."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from tailbed.experiment.order import Run
from tailbed.results.schema import RunResult
from tailbed.suite import Suite

_KEPT = 50
_AROUND_S = 3.0
"""What starting and stopping a server takes beside the load, until runs have shown it."""
_SHORTEST_WARMUP_S = 5.0
_NUMBERS = re.compile(r"\d[\d.,]*")


@dataclass
class Group:
    """Runs that were found wanting in the same way."""

    verdict: str
    reason: str
    """That of the last one, with its figures."""
    count: int = 0


@dataclass
class Course:
    """The state of an experiment, as it is told.

    Attributes:
        suite: says how long a run will take before any has shown it; None where nothing does.
        clock: seconds, never going back.
        doing: what is done before the runs, in words; None while runs are measured.
        current: the run that is measured.
        share: of the current run, 0 to 1.
        finished: how many runs are over.
        last: the last ones, the newest at the end, each with its outcome.
        found: what was not as it should be, by kind.
    """

    suite: Suite | None
    clock: Callable[[], float]
    doing: str | None = "starting"
    current: Run | None = None
    share: float = 0.0
    finished: int = 0
    last: deque[tuple[Run, RunResult | str]] = field(default_factory=lambda: deque(maxlen=_KEPT))
    found: dict[tuple[str, str], Group] = field(default_factory=dict)
    _planned: Sequence[Run] = ()
    _took: dict[str, list[float]] = field(default_factory=dict)
    _run_began: float = 0.0

    def __post_init__(self) -> None:
        self.began = self.clock()

    @property
    def total(self) -> int | None:
        """How many runs there are in all; None where that depends on what they show."""
        return len(self._planned) or None

    def measuring(self, runs: Sequence[Run]) -> None:
        """These runs follow, or as many as will be needed."""
        self._planned, self.doing = runs, "measuring"

    def started(self, run: Run) -> None:
        """A run begins. Those before it that are not told of were measured by an earlier part of the experiment."""
        self.doing, self.current, self.share = None, run, 0.0
        self.finished = max(self.finished, run.number - 1)
        self._run_began = self.clock()

    def ended(self, run: Run, outcome: RunResult | str) -> None:
        """A run is over."""
        self.finished = max(self.finished, run.number)
        self.current, self.doing = None, "measuring"
        self.last.append((run, outcome))
        self._took.setdefault(run.candidate.name, []).append(self.clock() - self._run_began)
        for verdict, reason in flaws(run, outcome):
            group = self.found.setdefault((verdict, _NUMBERS.sub("#", reason)), Group(verdict, reason))
            group.reason = reason
            group.count += 1

    def elapsed_s(self) -> float:
        """Since this part of the experiment began."""
        return self.clock() - self.began

    def left_s(self) -> float | None:
        """Seconds until the end, about; None where the number of runs is not known, or how long one takes.

        A run takes as long as those of its deployment took on average, else as those of all, else as the suite says.
        """
        if self.total is None:
            return None
        every = [seconds for took in self._took.values() for seconds in took]
        usual = fmean(every) if every else self._planned_s()
        if usual is None:
            return None
        by_name = {name: fmean(took) for name, took in self._took.items()}
        left = sum(by_name.get(run.candidate.name, usual) for run in self._planned[self.finished :])
        if self.current is not None:
            whole = by_name.get(self.current.candidate.name, usual)
            left += max(whole - (self.clock() - self._run_began), 0.0) - whole
        return left

    def _planned_s(self) -> float | None:
        if self.suite is None:
            return None
        by_rule = self.suite.steady_limit_s is not None
        warmup_s = max(self.suite.warmup_s, _SHORTEST_WARMUP_S if by_rule else 0.0)
        return warmup_s + self.suite.duration_s + _AROUND_S


def flaws(run: Run, outcome: RunResult | str) -> list[tuple[str, str]]:
    """What is wrong with a run, each with its verdict and its reason: none of a VALID one with all that it may have."""
    if isinstance(outcome, str):
        return [("failed", outcome.removeprefix(f"{run.title}: "))]
    found: list[tuple[str, str]] = [(outcome.validity, _short(reason)) for reason in outcome.reasons[:1]]
    found += [("disturbed", _short(outcome.missing.get(name, name))) for name in outcome.disturbed[:1]]
    if outcome.attempt > 1:
        found.append(("repeated", "the machine disturbed an attempt"))
    return found


def _short(reason: str) -> str:
    """The first half of a reason, which says what happened."""
    return reason.partition(";")[0].removeprefix("disturbed: ")
