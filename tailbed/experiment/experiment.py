"""An experiment: every cell of a suite once a block, in shuffled order, its results on disk after each run."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

import numpy as np
import yaml

from exporters import Artifact
from models import TailbedError
from tailbed.analysis.cell import combine
from tailbed.experiment.environment import describe_environment
from tailbed.experiment.placement import Placement
from tailbed.experiment.run import Interrupted, Progress, Run, execute
from tailbed.results.folder import ExperimentFolder
from tailbed.results.schema import RunResult, Summary
from tailbed.suite import Suite

ARMS = ("first", "second")
"""The names of a deployment's two arms where it is compared with itself."""


class Listener(Protocol):
    """Told how an experiment goes on, to show it to people."""

    def run_started(self, run: Run) -> Progress:
        """A run begins; the function returned is told the share of it that is over."""
        ...

    def run_ended(self, run: Run, outcome: RunResult | str) -> None:
        """A run is over: its result, or why there is none in one line."""
        ...


def order_runs(suite: Suite, artifacts: Sequence[Artifact]) -> list[Run]:
    """Every cell of the suite once in each block, each block in an order of its own that the suite's seed decides.

    The shuffle keeps a drift of the machine (heat, neighbours) from falling on one deployment; the block keeps what
    is compared close together in time.
    """
    cells = [
        (artifact, stack, scenario, arm)
        for artifact in artifacts
        for stack in suite.stacks
        for scenario in suite.scenarios
        for arm in (ARMS if suite.arms == 2 else (None,))
    ]
    order = [
        (block, place)
        for block in range(1, suite.blocks + 1)
        for place in np.random.default_rng((suite.seed, block)).permutation(len(cells)).tolist()
    ]
    return [Run(number, block, place, *cells[place]) for number, (block, place) in enumerate(order, start=1)]


@dataclass
class Experiment:
    """The state of a running experiment and its summary.

    Attributes:
        suite: what is measured.
        runs: in the order in which they are measured.
        folder: where everything goes.
        placement: cores of server and client.
    """

    suite: Suite
    runs: Sequence[Run]
    folder: ExperimentFolder
    placement: Placement
    _results: dict[int, RunResult] = field(default_factory=dict)
    _failures: list[str] = field(default_factory=list)
    _complete: bool = False
    _before_s: float = 0.0
    _began: float = field(default_factory=time.monotonic)
    _started: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    def resume(self) -> None:
        """Take over what the folder holds of this experiment; ``measure`` then runs only what is missing.

        Raises:
            ResultsError: the folder is not one of results, or a result cannot be read.
        """
        before = self.folder.read_summary()
        self._started, self._before_s = before.started, before.elapsed_s
        for run in self.runs:
            result = self.folder.read_result(run.name)
            if result is not None and result.finished:
                self._results[run.number] = result
            else:
                self.folder.set_aside(run.name)

    def measure(self, listener: Listener) -> Summary:
        """Run everything that is not measured yet. What is measured is on disk after every run.

        A run that fails is named in the summary and the others go on.

        Raises:
            KeyboardInterrupt: the user stopped it; the summary on disk is marked as incomplete.
        """
        suite = self.suite.model_dump(mode="json")
        self.folder.suite.write_text(yaml.safe_dump(suite, sort_keys=False), encoding="utf-8")
        environment = describe_environment(self.placement)
        self.folder.write_environment(environment)
        self.folder.write_summary(self.summary())
        for run in self.runs:
            if run.number in self._results:
                continue
            progress = listener.run_started(run)
            try:
                outcome = self._measure_one(run, progress)
            finally:
                self.folder.write_summary(self.summary())
            listener.run_ended(run, outcome)
        self._complete = not self._failures
        self.folder.write_summary(self.summary())
        return self.summary()

    def _measure_one(self, run: Run, progress: Progress) -> RunResult | str:
        try:
            result = execute(run, self.suite, self.folder.run(run.name), self.placement, progress)
        except TailbedError as error:
            failure = f"{run.title}: {error}"
            self._failures.append(failure)
            return failure
        except Interrupted as stopped:
            if stopped.result is not None:
                self._keep(run, stopped.result)
            raise
        self._keep(run, result)
        return result

    def _keep(self, run: Run, result: RunResult) -> None:
        self._results[run.number] = result
        self.folder.write_result(run.name, result)

    def summary(self) -> Summary:
        """The results so far, in the suite's order rather than in that of measuring."""
        by_place: dict[int, list[RunResult]] = {}
        for run in self.runs:
            if run.number in self._results:
                by_place.setdefault(run.place, []).append(self._results[run.number])
        return Summary(
            suite=self.suite.name,
            started=self._started,
            elapsed_s=self._before_s + time.monotonic() - self._began,
            complete=self._complete,
            planned_cells=len({run.place for run in self.runs}),
            blocks=self.suite.blocks,
            cells=[combine(by_place[place], self.suite.blocks) for place in sorted(by_place)],
            failures=self._failures,
        )
