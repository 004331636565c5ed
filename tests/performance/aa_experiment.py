"""One experiment of ``tests.performance.aa``: null servers that compute for a known time, measured as a suite is."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict

import loadtest
from loadtest.inputs import write_pool
from loadtest.plan import LoadPlan
from loadtest.scenario import ClosedLoop, OpenLoop
from models import TailbedError
from servers import SupervisedProcess
from tailbed.analysis.cell import combine
from tailbed.analysis.disturbance import worth_repeating
from tailbed.analysis.run import Subject, summarize
from tailbed.experiment.placement import Placement
from tailbed.results.folder import ExperimentFolder
from tailbed.results.schema import RunResult, Summary

START_S = 30.0
ORIGINAL, TWIN, SLOWER = "original", "twin", "slower"


class Settings(BaseModel):
    """What is measured; stored beside the results, so that they can be gone on with."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    experiments: int
    blocks: int
    service_us: int
    slower: float
    """By which share the slowed deployment computes longer."""
    rate: float
    """Requests a second of the open loop."""
    warmup_s: float
    duration_s: float
    attempts: int
    """Most attempts at a run that the machine disturbed."""
    seed: int

    @property
    def deployments(self) -> dict[str, int]:
        """The time in microseconds for which each deployment computes on a request."""
        return {
            ORIGINAL: self.service_us,
            TWIN: self.service_us,
            SLOWER: round(self.service_us * (1 + self.slower)),
        }

    @property
    def scenarios(self) -> tuple[ClosedLoop, OpenLoop]:
        return ClosedLoop(concurrency=1), OpenLoop(rate=self.rate)

    @property
    def runs(self) -> int:
        return self.experiments * self.blocks * len(self.deployments) * len(self.scenarios)


@dataclass(frozen=True)
class Run:
    number: int
    block: int
    place: int
    deployment: str
    scenario: ClosedLoop | OpenLoop

    @property
    def name(self) -> str:
        return f"{self.number:03d}-{self.deployment}-{self.scenario.kind}"


def order_runs(settings: Settings, experiment: int) -> list[Run]:
    """Every cell once a block, each block in an order of its own."""
    cells = [(deployment, scenario) for deployment in settings.deployments for scenario in settings.scenarios]
    order = [
        (block, place)
        for block in range(1, settings.blocks + 1)
        for place in np.random.default_rng((settings.seed, experiment, block)).permutation(len(cells)).tolist()
    ]
    return [Run(number, block, place, *cells[place]) for number, (block, place) in enumerate(order, start=1)]


@dataclass
class Experiment:
    """A folder of results as ``tailbed bench`` leaves one, so that ``tailbed compare`` reads it."""

    number: int
    settings: Settings
    folder: ExperimentFolder
    placement: Placement

    def measure(self) -> Summary:
        """Measure what is missing. The summary is on disk after every run, whatever ends this."""
        runs, results, failures = order_runs(self.settings, self.number), {}, []
        for run in runs:
            result = self.folder.read_result(run.name)
            if result is not None and result.finished:
                results[run] = result
            else:
                self.folder.set_aside(run.name, "stopped")
        began, started = time.monotonic(), time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())
        for run in runs:
            if run in results:
                continue
            try:
                results[run] = self._measure_one(run)
            except TailbedError as error:
                failures.append(f"{run.name}: {error}")
            self._write(results, failures, started, time.monotonic() - began, complete=False)
        return self._write(results, failures, started, time.monotonic() - began, complete=not failures)

    def _measure_one(self, run: Run) -> RunResult:
        """Measure a run, again if the machine disturbed it, by the rule that ``tailbed bench`` has."""
        for number in range(self.folder.attempts(run.name) + 1, self.settings.attempts + 1):
            result = self.attempt(run, self.folder.run(run.name), number)
            self.folder.write_result(run.name, result)
            if number == self.settings.attempts or not worth_repeating(result.disturbed):
                break
            self.folder.set_aside(run.name, "disturbed")
        return result

    def attempt(self, run: Run, folder: Path, number: int) -> RunResult:
        """Measure a run once, against a fresh server process, and judge it."""
        folder.mkdir(parents=True)
        write_pool(folder / "pool.npz", {"image": np.zeros((16, 1, 8, 8), dtype=np.float32)})
        argv = [sys.executable, "-m", "loadtest.null_server"]
        argv += ["--delay-us", str(self.settings.deployments[run.deployment])]
        with SupervisedProcess.start(
            argv, log=folder / "server.log", cores=self.placement.server, nice=self.placement.nice
        ) as server:
            plan = LoadPlan(
                protocol="oip-http",
                url=f"http://127.0.0.1:{_port(server)}",
                model="null",
                pool=folder / "pool.npz",
                scenario=run.scenario,
                warmup_s=self.settings.warmup_s,
                duration_s=self.settings.duration_s,
                # The same arrivals for all deployments of a block, and others in every other block.
                seed=self.settings.seed + 1_000 * self.number + run.block,
                core=self.placement.client,
                nice=self.placement.nice,
            )
            records = loadtest.run(plan, folder)
            subject = Subject(
                model="null",
                server=run.deployment,
                exit_code=server.poll(),
                block=run.block,
                attempt=number,
                run=f"runs/{folder.name}",
            )
            return summarize(records, plan, subject)

    def _write(
        self, results: dict[Run, RunResult], failures: list[str], started: str, elapsed_s: float, *, complete: bool
    ) -> Summary:
        by_place: dict[int, list[RunResult]] = {}
        for run, result in results.items():
            by_place.setdefault(run.place, []).append(result)
        summary = Summary(
            suite=f"aa {self.number}",
            started=started,
            elapsed_s=elapsed_s,
            complete=complete,
            planned_cells=len(self.settings.deployments) * len(self.settings.scenarios),
            blocks=self.settings.blocks,
            cells=[combine(by_place[place], self.settings.blocks) for place in sorted(by_place)],
            failures=failures,
        )
        self.folder.write_summary(summary)
        return summary


def _port(server: SupervisedProcess) -> int:
    """The port that the null server tells in its log."""
    deadline = time.monotonic() + START_S
    while server.poll() is None and time.monotonic() < deadline:
        words = server.log.read_text().rpartition("\n")[0].split()
        if words[:1] == ["port"]:
            return int(words[1])
        time.sleep(0.01)
    raise TailbedError(f"the null server did not start (log: {server.log})")
