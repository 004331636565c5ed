"""An experiment: every run of a suite in shuffled order, its results on disk after each one."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

import numpy as np
import yaml

from exporters import Artifact
from models import TailbedError
from tailbed.experiment.environment import describe_environment
from tailbed.experiment.placement import Placement
from tailbed.experiment.run import Interrupted, Progress, Run, execute
from tailbed.results.folder import ExperimentFolder
from tailbed.results.schema import Cell, Summary
from tailbed.suite import Suite


class Listener(Protocol):
    """Told how an experiment goes on, to show it to people."""

    def run_started(self, run: Run) -> Progress:
        """A run begins; the function returned is told the share of it that is over."""
        ...

    def run_ended(self, run: Run, outcome: Cell | str) -> None:
        """A run is over: its cell, or why there is none in one line."""
        ...


def order_runs(suite: Suite, artifacts: Sequence[Artifact]) -> list[Run]:
    """Every cell of the suite once, in an order shuffled by the suite's seed.

    The shuffle keeps a drift of the machine (heat, neighbours) from falling on one deployment.
    """
    cells = [
        (artifact, stack, scenario) for artifact in artifacts for stack in suite.stacks for scenario in suite.scenarios
    ]
    order = np.random.default_rng(suite.seed).permutation(len(cells)).tolist()
    return [Run(number, place, *cells[place]) for number, place in enumerate(order, start=1)]


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
    _cells: dict[int, Cell] = field(default_factory=dict)
    _failures: list[str] = field(default_factory=list)
    _complete: bool = False
    _began: float = field(default_factory=time.monotonic)
    _started: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    def measure(self, listener: Listener) -> Summary:
        """Run everything. What is measured is on disk after every run.

        A run that fails is named in the summary and the others go on.

        Raises:
            Interrupted: the user stopped it; the summary on disk is marked as incomplete.
        """
        suite = self.suite.model_dump(mode="json")
        self.folder.suite.write_text(yaml.safe_dump(suite, sort_keys=False), encoding="utf-8")
        environment = describe_environment(self.placement)
        self.folder.environment.write_text(json.dumps(environment, indent=2) + "\n", encoding="utf-8")
        self.folder.write_summary(self.summary())
        for run in self.runs:
            progress = listener.run_started(run)
            try:
                outcome = self._measure_one(run, progress)
            finally:
                self.folder.write_summary(self.summary())
            listener.run_ended(run, outcome)
        self._complete = True
        self.folder.write_summary(self.summary())
        return self.summary()

    def _measure_one(self, run: Run, progress: Progress) -> Cell | str:
        try:
            cell = execute(run, self.suite, self.folder.run(run.name), self.placement, progress)
        except TailbedError as error:
            failure = f"{run.title}: {error}"
            self._failures.append(failure)
            return failure
        except Interrupted as stopped:
            if stopped.cell is not None:
                self._cells[run.place] = stopped.cell
            raise
        self._cells[run.place] = cell
        return cell

    def summary(self) -> Summary:
        """The results so far, in the suite's order rather than in that of measuring."""
        return Summary(
            suite=self.suite.name,
            started=self._started,
            elapsed_s=time.monotonic() - self._began,
            complete=self._complete,
            planned_cells=len(self.runs),
            cells=[self._cells[place] for place in sorted(self._cells)],
            failures=self._failures,
        )
