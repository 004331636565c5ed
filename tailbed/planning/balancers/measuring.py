"""One run through a balancer: fresh replicas, a fresh balancer, one load."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import loadtest
from loadtest.plan import AnswerCheck, LoadPlan
from loadtest.records import Records
from loadtest.scenario import OpenLoop
from servers import Endpoint
from tailbed.analysis.disturbance import worth_repeating
from tailbed.analysis.run import summarize
from tailbed.experiment.placement import Placement, off_cores
from tailbed.planning.balancers.cores import divide
from tailbed.planning.balancers.program import Program
from tailbed.planning.balancers.replicas import Replicas
from tailbed.planning.balancers.running import balance
from tailbed.planning.fleet.prediction import Arrivals
from tailbed.results.decisions.plan import Balancer
from tailbed.results.schema import RunResult
from tailbed.suite import Suite

RESULT: Final = "result.json"


@dataclass(frozen=True)
class Measured:
    """One run.

    Attributes:
        result: its figures and its verdict.
        records: its raw records.
        folder: where both are.
    """

    result: RunResult
    records: Records
    folder: Path


@dataclass(frozen=True)
class Bench:
    """What all runs have in common.

    Attributes:
        replicas: what is started for each run.
        program: the balancer's.
        arrivals: how requests arrive.
        suite: for lengths, timeouts, attempts and the seed.
        placement: of the client, and the cores that are divided among replicas and balancer.
        most: how many replicas there are at most: a run with fewer leaves the cores of the others idle.
        progress: told in words what is measured now.
    """

    replicas: Replicas
    program: Program
    arrivals: Arrivals
    suite: Suite
    placement: Placement
    most: int
    progress: Callable[[str], None]

    def run(self, balancer: Balancer, rate: float, count: int, folder: Path, seed: int) -> Measured:
        """Load ``count`` fresh replicas through a fresh balancer, again if the machine disturbed it.

        Args:
            balancer: how it chooses.
            rate: requests a second, of all together.
            count: of the replicas.
            folder: the run's own; an attempt that was disturbed is kept beside it.
            seed: of the arrivals.

        Raises:
            TailbedError: a replica or the balancer does not start, or nothing was measured.
        """
        for attempt in range(1, self.suite.attempts + 1):
            self.progress(f"{count} x {self.replicas.title} behind {self.program.name}, {balancer}, {rate:g}/s")
            found = self._attempt(balancer, rate, count, folder, seed, attempt)
            if attempt == self.suite.attempts or not worth_repeating(found.result.disturbed):
                break
            folder.rename(folder.with_name(f"{folder.name}.disturbed-{attempt}"))
        return found

    def _attempt(self, balancer: Balancer, rate: float, count: int, folder: Path, seed: int, attempt: int) -> Measured:
        cores, nice = divide(self.placement.server, self.most), self.placement.nice
        with (
            off_cores(self.placement.server),
            self.replicas.running(cores.replicas[:count], folder, nice) as endpoints,
            balance(
                self.program,
                balancer,
                [endpoint.url for endpoint in endpoints],
                folder / "balancer",
                cores=cores.balancer,
                nice=nice,
            ) as url,
        ):
            plan = self._plan(replace(endpoints[0], url=url), rate, seed)
            records = loadtest.run(plan, folder)
        result = summarize(records, plan, replace(self.replicas.subject, attempt=attempt))
        (folder / RESULT).write_text(result.model_dump_json(indent=2) + "\n", encoding="utf-8")
        return Measured(result, records, folder)

    def _plan(self, endpoint: Endpoint, rate: float, seed: int) -> LoadPlan:
        suite, replicas = self.suite, self.replicas
        warmup_s, steady_limit_s = suite.warmup(replicas.warmup_s)
        tolerance = replicas.tolerance
        return LoadPlan(
            protocol=endpoint.protocol,
            url=endpoint.url,
            model=endpoint.model,
            pool=replicas.pool,
            batched=replicas.batched,
            check=None if tolerance is None else AnswerCheck(tolerance=dict(tolerance)),
            scenario=OpenLoop(arrivals=self.arrivals, rate=rate),
            warmup_s=warmup_s,
            steady_limit_s=steady_limit_s,
            duration_s=suite.duration_s,
            seed=seed,
            timeout_s=suite.timeout_s,
            core=self.placement.client,
            nice=self.placement.nice,
        )
