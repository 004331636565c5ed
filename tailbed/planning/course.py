"""What is measured of each deployment, run by run: the schedule of a plan.

The deployments take turns, a run each, so that a drift of the machine falls on all of them. What a deployment is asked
next follows from its own outcomes alone: closed loops; the search of the highest rate; lower rates, of which the model
of the replica is made, and one that is held out from it; with ``sweep``, rates around the highest one.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Final

from loadtest.scenario import ClosedLoop, OpenLoop
from tailbed.analysis.percentiles import sample_floor
from tailbed.experiment.client_limit import MOST_SHARE, null_capacity
from tailbed.experiment.order import Run
from tailbed.experiment.preparation import Preparation
from tailbed.experiment.schedule import Course, Outcome
from tailbed.planning.acceptance import judge_rate, judge_run, load_point
from tailbed.planning.chosen import CLIENTS, MORE_CLIENTS
from tailbed.planning.demand import Demand
from tailbed.planning.search import Verdict, rounded, search_rate
from tailbed.results.decisions import HighestRate, LoadPoint, Role
from tailbed.results.schema import RunResult
from tailbed.suite import Candidate

CLOSED_S: Final = 5.0
"""Window of a closed loop of more than one client, where runs are not shorter: its throughput is all that is asked."""
LONGEST_S: Final = 300.0
"""Window of a run at a low rate, which lasts until it has requests enough for the objective's percentile."""
MARGIN: Final = 1.15
"""Poisson arrivals may be fewer than their mean: four standard deviations of the 662 that a P99 needs."""
GAIN: Final = 0.10
MODEL_SHARES: Final = (0.3, 0.5)
"""Of the highest rate: what the model of a replica is made of, beside the rates of the search."""
HELD_OUT_SHARE: Final = 0.7
SWEEP_SHARES: Final = (0.8, 0.85, 0.9, 0.95, 1.0, 1.05, 1.1, 1.15, 1.2)


@dataclass(frozen=True)
class Asked:
    """A run that a deployment needs next."""

    scenario: ClosedLoop | OpenLoop
    duration_s: float


Asking = Generator[Asked, Outcome, None]


@dataclass
class Findings:
    """What is known of one deployment so far.

    Attributes:
        candidate: the deployment.
        closed: by number of clients, the closed loop that was measured last.
        points: the rates, in the order of measuring.
        highest: the highest rate that holds; None until the search has ended.
        results: every run's result, by its folder.
    """

    candidate: Candidate
    closed: dict[int, RunResult] = field(default_factory=dict)
    points: list[LoadPoint] = field(default_factory=list)
    highest: HighestRate | None = None
    results: dict[str, RunResult] = field(default_factory=dict)


class PlanSchedule:
    """The schedule; its ``findings`` are those of the course that was followed last."""

    planned: Sequence[Run] = ()

    def __init__(self, demand: Demand, duration_s: float, candidates: Sequence[Candidate]) -> None:
        self._demand = demand
        self._duration_s = duration_s
        self._candidates = candidates
        self.findings: list[Findings] = []

    def runs_of_cell(self, measured: int) -> int:
        """A cell has as many runs as it took; of those that were to accept it, as many as were needed."""
        return min(measured, self._demand.runs)

    def course(self, found: Preparation) -> Course:
        """See ``Schedule``."""
        self.findings = [Findings(candidate) for candidate in self._candidates]
        askings = {place: self._deployment(one, found) for place, one in enumerate(self.findings)}
        outcomes: dict[int, Outcome | None] = dict.fromkeys(askings)
        cells: dict[tuple[int, str], int] = {}
        blocks: dict[tuple[int, str], int] = {}
        number = 0
        while askings:
            for place, asking in list(askings.items()):
                try:
                    asked = asking.send(outcomes[place])  # type: ignore[arg-type]  # None starts it
                except StopIteration:
                    del askings[place]
                    continue
                number += 1
                cell = place, asked.scenario.label
                blocks[cell] = blocks.get(cell, 0) + 1
                run = Run(
                    number,
                    blocks[cell],
                    cells.setdefault(cell, len(cells)),
                    self._candidates[place],
                    asked.scenario,
                    duration_s=asked.duration_s,
                )
                outcome = yield run
                if outcome is None:
                    return
                outcomes[place] = outcome
                if isinstance(outcome, RunResult) and outcome.run:
                    self.findings[place].results[outcome.run] = outcome

    def _deployment(self, found: Findings, before: Preparation) -> Asking:
        """All runs of one deployment."""
        capacity = before.capacity_of(found.candidate)
        if capacity is None:
            why = "its capacity is not known, since the probe failed"
            found.highest = HighestRate(per_s=None, low=None, high=None, limited_by="unclear", reason=why)
            return
        yield from self._closed_loops(found)
        if not found.closed:
            why = "none of its closed loops could be measured"
            found.highest = HighestRate(per_s=None, low=None, high=None, limited_by="unclear", reason=why)
            return
        broken = yield from self._idle(found)
        if broken is not None:
            found.highest = broken
            return
        model, protocol = found.candidate.artifact.manifest.model, found.candidate.protocol
        ceiling = MOST_SHARE * null_capacity(before.calibration, model, protocol)
        search = search_rate(
            capacity.per_s,
            floor=MARGIN * sample_floor(self._demand.slo.share) / max(LONGEST_S, self._duration_s),
            ceiling=ceiling,
            tolerance=self._demand.tolerance,
        )
        verdict: Verdict | None = None
        while True:
            try:
                rate = search.send(verdict)  # type: ignore[arg-type]  # None starts it
            except StopIteration as end:
                highest: HighestRate = end.value
                break
            verdict = yield from self._rate(found, rate, "search")
        found.highest = highest
        if highest.per_s is None:
            return
        for share in MODEL_SHARES:
            yield from self._rate(found, rounded(share * highest.per_s), "model", runs=1)
        yield from self._rate(found, rounded(HELD_OUT_SHARE * highest.per_s), "held-out")
        if self._demand.sweep:
            for share in SWEEP_SHARES:
                if (rate := rounded(share * highest.per_s)) <= ceiling:
                    yield from self._rate(found, rate, "sweep")

    def _closed_loops(self, found: Findings) -> Asking:
        for clients in CLIENTS:
            yield from self._closed(found, clients)
        last, most = (found.closed.get(clients) for clients in CLIENTS[-2:])
        if last and most and most.validity == "VALID" and most.throughput > (1 + GAIN) * last.throughput:
            yield from self._closed(found, MORE_CLIENTS)

    def _closed(self, found: Findings, clients: int) -> Generator[Asked, Outcome, Outcome]:
        # That of one client shows what an idle replica takes, as long as any run.
        duration_s = self._duration_s if clients == 1 else min(self._duration_s, CLOSED_S)
        outcome = yield Asked(ClosedLoop(concurrency=clients), duration_s)
        if isinstance(outcome, RunResult):
            found.closed[clients] = outcome
        return outcome

    def _idle(self, found: Findings) -> Generator[Asked, Outcome, HighestRate | None]:
        """That not even one client at a time is answered within the objective; None where that is not so.

        A server that waits to fill a batch may be slower with one client than with many: nothing is said of it.
        """
        slo = self._demand.slo
        if found.candidate.deployment.settings.max_delay_us:
            return None
        first = found.closed.get(1)
        outcomes: list[Outcome] = [] if first is None else [first]
        while outcomes and all(judge_run(outcome, slo).kind == "objective" for outcome in outcomes):
            if len(outcomes) == self._demand.runs:
                reason = (
                    f"with one client at a time {judge_run(outcomes[0], slo).reason} already, and no load makes it less"
                )
                return HighestRate(per_s=None, low=None, high=None, limited_by="objective", reason=reason)
            outcomes.append((yield from self._closed(found, 1)))
        return None

    def _rate(
        self, found: Findings, rate: float, role: Role, runs: int | None = None
    ) -> Generator[Asked, Outcome, Verdict]:
        """Runs at a rate until it is known whether it holds."""
        slo = self._demand.slo
        duration_s = max(self._duration_s, min(MARGIN * sample_floor(slo.share) / rate, LONGEST_S))
        asked = Asked(OpenLoop(arrivals=self._demand.arrivals, rate=rate), duration_s)
        outcomes: list[Outcome] = []
        while (verdict := judge_rate(outcomes, slo, runs or self._demand.runs)) is None:
            outcomes.append((yield asked))
        found.points.append(load_point(rate, outcomes, verdict, slo, role))
        return verdict
