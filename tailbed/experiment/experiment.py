"""An experiment: every cell of a suite once a block, in shuffled order, its results on disk after each run."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Protocol

import yaml

from exporters import Artifact
from models import TailbedError
from servers.containers import Engine
from tailbed.analysis.cell import combine
from tailbed.analysis.disturbance import worth_repeating
from tailbed.experiment.environment import describe_environment
from tailbed.experiment.interruption import Interrupted, Progress
from tailbed.experiment.order import Run, order_runs
from tailbed.experiment.placement import Placement
from tailbed.experiment.preparation import Preparation
from tailbed.experiment.run import execute
from tailbed.experiment.schedule import FixedSchedule, Outcome, Schedule, follow
from tailbed.results.folder import ExperimentFolder, ResultsError
from tailbed.results.schema import ArtifactFacts, DeploymentFacts, ImageFacts, RunResult, Summary
from tailbed.suite import Candidate, Suite


class Listener(Protocol):
    """Told how an experiment goes on, to show it to people."""

    def preparing(self, what: str) -> None:
        """Something is measured before the runs."""
        ...

    def measuring(self, runs: Sequence[Run]) -> None:
        """The runs begin: all of these, or, where there are none, as many as will turn out to be needed."""
        ...

    def run_started(self, run: Run) -> Progress:
        """A run begins; the function returned is told the share of it that is over."""
        ...

    def run_ended(self, run: Run, outcome: Outcome) -> None:
        """A run is over: its result, or why there is none in one line."""
        ...


@dataclass
class Experiment:
    """The state of a running experiment and its summary.

    Attributes:
        suite: what is measured.
        candidates: what is measured of it here.
        left_out: what is not, and why, each in one line.
        folder: where everything goes.
        placement: cores of server and client.
        engine: what starts services' containers; None where they are measured as they run.
        schedule: which runs there are; every cell of the suite once a block, unless another one is put in its place
            before anything is measured.
    """

    suite: Suite
    candidates: Sequence[Candidate]
    folder: ExperimentFolder
    placement: Placement
    left_out: Sequence[str] = ()
    engine: Engine | None = None
    schedule: Schedule = field(init=False)
    _measured: dict[int, tuple[Run, RunResult]] = field(default_factory=dict)
    _resumed: bool = False
    _failures: list[str] = field(default_factory=list)
    _complete: bool = False
    _before_s: float = 0.0
    _began: float = field(default_factory=time.monotonic)
    _started: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    def __post_init__(self) -> None:
        self.schedule = FixedSchedule(order_runs(self.suite, self.candidates), self.suite.blocks)
        self._preparation = Preparation(self.suite, self.candidates, self.folder, self.placement, self.engine)

    @property
    def runs(self) -> Sequence[Run]:
        """All runs, where they are known before the first one; else none."""
        return self.schedule.planned

    def resume(self) -> None:
        """Take over what the folder holds of this experiment; ``measure`` then runs only what is missing.

        Raises:
            ResultsError: the folder is not one of results, a result cannot be read, or this machine would not measure
                the same deployments as before.
        """
        before = self.folder.read_summary()
        self._check_same(before.deployments)
        self._started, self._before_s = before.started, before.elapsed_s
        self._preparation.resume(before)
        self._resumed = True
        follow(self.schedule.course(self._preparation), self._take_over)

    def _take_over(self, run: Run) -> RunResult | None:
        """The result of a run that was measured to its end before; what else there is of it is put aside."""
        result = self.folder.read_result(run.name)
        if result is None or not result.finished or result.block != run.block:
            self.folder.set_aside(run.name, "stopped")
            return None
        self._measured[run.number] = run, result
        return result

    def _check_same(self, before: Sequence[DeploymentFacts]) -> None:
        """Runs are known by their places in the order of all, so that none may have come or gone."""
        now = list(map(_deployment_facts, self.candidates))
        if before and before != now:
            changed = [each for each in [*before, *now] if each not in before or each not in now]
            first = f"{changed[0].model}/{changed[0].format}/{changed[0].precision} on {changed[0].server}"
            raise ResultsError(
                f"{self.folder.path}: cannot be resumed: what this machine can measure is not what it was, such as "
                f"{first}: start a new experiment"
            )

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
        for title, step in self._preparation.steps():
            listener.preparing(title)
            try:
                step(listener.preparing)
            except TailbedError as error:
                self._failures.append(f"{title}: {error}")
            self.folder.write_summary(self.summary())
        listener.measuring(self.runs)
        follow(self.schedule.course(self._preparation), lambda run: self._outcome(run, listener))
        self._complete = not self._failures
        self.folder.write_summary(self.summary())
        return self.summary()

    def _outcome(self, run: Run, listener: Listener) -> Outcome:
        """What came of a run, which is measured unless it was before."""
        if run.number in self._measured:
            return self._measured[run.number][1]
        # Where runs follow from the ones before, those after the first that was missing are known only by now.
        if self._resumed and (before := self._take_over(run)):
            return before
        progress = listener.run_started(run)
        try:
            outcome = self._measure_one(run, progress)
        finally:
            self.folder.write_summary(self.summary())
        listener.run_ended(run, outcome)
        return outcome

    def _measure_one(self, run: Run, progress: Progress) -> Outcome:
        try:
            result = self._attempt(run, progress)
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

    def _attempt(self, run: Run, progress: Progress) -> RunResult:
        """Measure a run, again if the machine disturbed it. The last attempt counts, whatever it shows."""
        load = self._preparation.load_of(run)
        for attempt in range(self.folder.attempts(run.name) + 1, self.suite.attempts + 1):
            folder = self.folder.run(run.name)
            result = execute(run, load, self.suite, folder, self.placement, progress, attempt, self.engine)
            if attempt == self.suite.attempts or not worth_repeating(result.disturbed):
                break
            kept = result.model_copy(update={"run": f"{result.run}.disturbed-{attempt}"})
            self.folder.write_result(run.name, kept)
            self.folder.set_aside(run.name, "disturbed")
        return result

    def _keep(self, run: Run, result: RunResult) -> None:
        self._measured[run.number] = run, result
        self.folder.write_result(run.name, result)

    def summary(self) -> Summary:
        """The results so far, in the suite's order rather than in that of measuring."""
        by_place: dict[int, list[RunResult]] = {}
        for run, result in self._measured.values():
            by_place.setdefault(run.place, []).append(result)
        return Summary(
            suite=self.suite.name,
            started=self._started,
            elapsed_s=self._before_s + time.monotonic() - self._began,
            complete=self._complete,
            planned_cells=len({run.place for run in self.runs}) or None,
            blocks=max([self.suite.blocks, *(run.block for run, _ in self._measured.values())]),
            artifacts=list(map(_facts, {each.artifact.ref: each.artifact for each in self.candidates}.values())),
            deployments=list(map(_deployment_facts, self.candidates)),
            left_out=list(self.left_out),
            calibration=self._preparation.calibration,
            capacities=self._preparation.capacities,
            cold_starts=self._preparation.cold_starts,
            cells=[
                combine(by_place[place], self.schedule.runs_of_cell(len(by_place[place]))) for place in sorted(by_place)
            ],
            failures=self._failures,
        )


def _facts(artifact: Artifact) -> ArtifactFacts:
    manifest = artifact.manifest
    return ArtifactFacts(
        model=manifest.model,
        format=manifest.export,
        precision=manifest.precision,
        framework=manifest.framework,
        runtime=manifest.runtime,
        size_bytes=manifest.size_bytes,
        export_seconds=manifest.export_seconds,
        accuracy=manifest.accuracy,
        label_agreement=manifest.parity.label_agreement if manifest.parity else None,
        weights=manifest.weights_origin,
    )


def _deployment_facts(candidate: Candidate) -> DeploymentFacts:
    manifest = candidate.artifact.manifest
    return DeploymentFacts(
        model=manifest.model,
        format=manifest.export,
        precision=manifest.precision,
        server=candidate.stack,
        protocol=candidate.protocol,
        runtime=candidate.runtime,
        variant=candidate.variant,
        settings=asdict(candidate.deployment.settings),
        image=ImageFacts(**asdict(candidate.image)) if candidate.image else None,
    )
