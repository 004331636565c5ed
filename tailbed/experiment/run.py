"""One run: a fresh server process, one deployment, one scenario, one seed, measured once."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import loadtest
from exporters import ANSWERS, Artifact
from loadtest.errors import LoadError
from loadtest.plan import AnswerCheck, LoadPlan
from loadtest.records import Records, recover
from loadtest.scenario import AnyScenario
from servers import Deployment, EndpointError, RunningServer, Settings, connect, start
from tailbed.analysis.run import Subject, summarize
from tailbed.experiment.placement import Placement
from tailbed.results.schema import ColdStart, RunResult
from tailbed.suite import Suite

Progress = Callable[[float], None]
"""Told the share of the run that is over, 0 to 1."""


@dataclass(frozen=True)
class Run:
    """What one run is of."""

    number: int
    """Place in the order of measuring, from 1."""
    block: int
    """The block that it belongs to, from 1."""
    place: int
    """The cell's place in the suite's own order, from 0."""
    artifact: Artifact
    stack: str
    scenario: AnyScenario
    arm: str | None = None
    """Which of a deployment's two arms, where it is compared with itself."""

    @property
    def title(self) -> str:
        """The run in words, for people."""
        arm = f" ({self.arm} arm)" if self.arm else ""
        return f"{self.artifact.ref} on {self.stack}{arm}, {self.scenario.label}"

    @property
    def name(self) -> str:
        """The run as a folder's name."""
        words = "-".join(filter(None, (self.artifact.ref, self.stack, self.arm, self.scenario.label)))
        return f"{self.number:03d}-" + re.sub(r"[^a-z0-9.]+", "-", words.removesuffix("/s").lower())


class Interrupted(KeyboardInterrupt):
    """The user stopped the run. Carries what was measured until then, if anything was."""

    def __init__(self, result: RunResult | None) -> None:
        super().__init__()
        self.result = result


def execute(run: Run, suite: Suite, folder: Path, placement: Placement, progress: Progress) -> RunResult:
    """Start the server, load it, stop it, and reduce the records to the run's figures.

    Args:
        folder: the run's own; gets the plan, the raw records and the logs.

    Raises:
        TailbedError: nothing could be measured, in one line.
        Interrupted: the user stopped it.
    """
    folder.mkdir(parents=True)
    settings = Settings(instances=suite.settings.instances, threads=suite.settings.threads)
    deployment = Deployment(run.artifact, run.stack, settings, placement.server)
    with start(deployment, folder=folder / "server", timeout_s=suite.start_timeout_s) as server:
        cold_start = ColdStart(
            ready_ms=(server.ready_ns - server.started_ns) / 1e6,
            first_answer_ms=_first_answer_ms(server, run.artifact, suite.timeout_s),
        )
        plan = _plan(run, suite, server, placement)

        def reduce(records: Records) -> RunResult:
            subject = Subject(
                model=run.artifact.manifest.model,
                format=run.artifact.manifest.format,
                precision=run.artifact.manifest.precision,
                runtime=run.artifact.manifest.runtime,
                server=run.stack,
                cold_start=cold_start,
                exit_code=server.process.poll(),
                arm=run.arm,
                block=run.block,
                run=f"runs/{folder.name}",
            )
            return summarize(records, plan, subject)

        try:
            return reduce(loadtest.run(plan, folder, on_progress=progress))
        except KeyboardInterrupt as stopped:
            raise Interrupted(_salvage(folder, reduce)) from stopped


def _plan(run: Run, suite: Suite, server: RunningServer, placement: Placement) -> LoadPlan:
    return LoadPlan(
        protocol=server.endpoint.protocol,
        url=server.endpoint.url,
        model=server.endpoint.model,
        pool=run.artifact.folder / ANSWERS,
        check=AnswerCheck(tolerance=run.artifact.manifest.tolerance),
        scenario=run.scenario,
        warmup_s=suite.warmup_s,
        duration_s=suite.duration_s,
        # The same arrivals for all deployments of a block, and others in the next.
        seed=suite.seed + run.block - 1,
        timeout_s=suite.timeout_s,
        core=placement.client,
    )


def _first_answer_ms(server: RunningServer, artifact: Artifact, timeout_s: float) -> float | None:
    """Milliseconds from the process's start to its first correct answer; None when that was wrong or failed."""
    answers = artifact.answers()
    item = {name: array[:1] for name, array in answers.inputs.items()}
    with connect(server.endpoint.url, timeout_s=timeout_s) as client:
        try:
            outputs = client.infer(server.endpoint.model, item)
        except EndpointError:
            return None
    answered_ns = time.monotonic_ns()
    right = all(
        name in outputs and np.allclose(outputs[name], array[:1], rtol=0, atol=artifact.manifest.tolerance)
        for name, array in answers.outputs.items()
    )
    return (answered_ns - server.started_ns) / 1e6 if right else None


def _salvage(folder: Path, reduce: Callable[[Records], RunResult]) -> RunResult | None:
    """The figures of a run that was stopped, if any request was recorded."""
    try:
        return reduce(recover(folder))
    except LoadError:
        return None
