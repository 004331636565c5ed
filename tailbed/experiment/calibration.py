"""What the client itself costs, measured against null servers before an experiment.

A null server speaks the protocol and answers with tensors of the model's sizes, and computes nothing. The times that
the client sees of it are the floor below which it sees nothing of any server; the rate that they reach together is the
most that it could see of one. A client near its limit measures itself (Lancet; Kogias et al., ATC 2019).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import loadtest
from exporters import ANSWERS, Artifact
from loadtest.plan import LoadPlan
from loadtest.scenario import AnyScenario, ClosedLoop, OpenLoop
from tailbed.analysis import validity
from tailbed.analysis.percentiles import sample_floor
from tailbed.analysis.run import Subject, summarize
from tailbed.experiment.client_limit import peak_rate, refusal
from tailbed.experiment.null_server import null_server
from tailbed.experiment.placement import Placement
from tailbed.results.schema import Calibration, Capacity
from tailbed.suite import Candidate, ShareOfCapacity, Suite, SuiteScenario, resolve

CLIENTS: Final = 16
"""Of the closed loop that finds the null capacity."""
SHORTEST_S: Final = 1.0
LONGEST_S: Final = 5.0
"""Bounds of a window, which is a twelfth of a run's, or as long as a P99 needs at the rate."""
MARGIN: Final = 1.15
"""Poisson arrivals may be fewer than their mean: four standard deviations of the 662 that a P99 needs."""
FIGURES: Final = ("p50", "p99")


def calibrate(
    suite: Suite,
    candidates: Sequence[Candidate],
    folder: Path,
    placement: Placement,
    progress: Callable[[str], None],
    capacities: Sequence[Capacity] = (),
) -> list[Calibration]:
    """Measure null servers at the suite's scenarios, once for each model over each protocol.

    All formats of a model have the same tensors. A pattern is measured as an open loop at its highest rate, a share of
    capacity at the highest rate that it stands for among the deployments of that model and protocol. What is refused
    (see ``client_limit``) is not measured: its calibration is INVALID with the reason.

    Args:
        folder: the experiment's; raw records and logs are kept below its ``calibration``.
        progress: told in words what is measured now.
        capacities: of the deployments, where the suite has shares of them; a share without any is left out.

    Raises:
        TailbedError: a null server does not start, or nothing can be measured.
    """
    found: list[Calibration] = []
    # It is one thread, which is to stay where it is.
    cores = placement.server[:1] if placement.server else None
    for (model, protocol), artifact in _subjects(candidates).items():
        own = folder / "calibration" / f"{model}-{protocol}"
        known = [capacity.per_s for capacity in capacities if (capacity.model, capacity.protocol) == (model, protocol)]
        progress(f"null server of {model} over {protocol}: capacity")
        with null_server(artifact, protocol, own, cores=cores, nice=placement.nice) as url:
            bench = _Bench(suite, artifact, protocol, url, own, placement)
            most = bench.capacity()
            for number, scenario in enumerate(suite.scenarios, start=1):
                progress(f"null server of {model} over {protocol}: {scenario.label}")
                reasons = [(load, refusal(load, protocol, most)) for load in _loads(scenario, known)]
                if allowed := [load for load, reason in reasons if reason is None]:
                    found.append(bench.floor(scenario.label, allowed[-1], most, f"{number:02d}"))
                else:
                    found += [bench.refused(scenario.label, reason, most) for _, reason in reasons[:1] if reason]
    return found


@dataclass(frozen=True)
class _Bench:
    """The client before a running null server."""

    suite: Suite
    artifact: Artifact
    protocol: str
    url: str
    folder: Path
    placement: Placement

    def capacity(self) -> float:
        """Answers a second of a closed loop."""
        plan = self._plan(ClosedLoop(concurrency=CLIENTS))
        return summarize(loadtest.run(plan, self.folder / "capacity"), plan, self._subject()).throughput

    def floor(self, label: str, load: AnyScenario, most: float, name: str) -> Calibration:
        """What the client sees at a load; of a pattern, at its highest rate."""
        plan = self._plan(_at_peak(load))
        result = summarize(loadtest.run(plan, self.folder / name), plan, self._subject())
        reasons = list(result.reasons)
        if not load.scheduled and (busy := validity.client_idle_enough(result.client_busy)):
            # In a closed loop with nothing behind it the client is all there is to be busy.
            reasons.remove(busy)
        # A floor that is not there is no fault of its load: too few requests, or the machine disturbed it.
        missing = [
            f"{name.upper()} {result.missing[f'{name}_ms']}" for name in FIGURES if f"{name}_ms" in result.missing
        ]
        return Calibration(
            model=result.model,
            protocol=self.protocol,
            scenario=label,
            p50_ms=result.p50_ms,
            p99_ms=result.p99_ms,
            rate=result.throughput,
            capacity=most,
            validity="INVALID" if reasons else "VALID",
            reasons=reasons + missing,
        )

    def refused(self, label: str, reason: str, most: float) -> Calibration:
        """In the place of a load that the client cannot be trusted with."""
        return Calibration(
            model=self.artifact.manifest.model,
            protocol=self.protocol,
            scenario=label,
            p50_ms=None,
            p99_ms=None,
            rate=0.0,
            capacity=most,
            validity="INVALID",
            reasons=[reason],
        )

    def _subject(self) -> Subject:
        return Subject(model=self.artifact.manifest.model)

    def _plan(self, load: AnyScenario) -> LoadPlan:
        least_s = min(max(self.suite.duration_s / 12, SHORTEST_S), LONGEST_S)
        needed_s = MARGIN * sample_floor(0.99) / load.rate if isinstance(load, OpenLoop) else 0.0
        return LoadPlan(
            protocol=self.protocol,
            url=self.url,
            model=self.artifact.manifest.model,
            pool=self.artifact.folder / ANSWERS,
            batched=self.artifact.manifest.batched,
            scenario=load,
            # There is nothing to warm but the connections.
            warmup_s=least_s / 2,
            duration_s=min(max(least_s, min(needed_s, LONGEST_S)), self.suite.duration_s),
            seed=self.suite.seed,
            timeout_s=self.suite.timeout_s,
            core=self.placement.client,
            nice=self.placement.nice,
        )


def _subjects(candidates: Sequence[Candidate]) -> dict[tuple[str, str], Artifact]:
    """Any artifact of each model, by model and protocol, in the suite's order."""
    found: dict[tuple[str, str], Artifact] = {}
    for each in candidates:
        found.setdefault((each.artifact.manifest.model, each.protocol), each.artifact)
    return found


def _loads(scenario: SuiteScenario, capacities: Sequence[float]) -> list[AnyScenario]:
    """What is to be measured for a scenario: one load, or those that a share stands for, the highest last."""
    if isinstance(scenario, ShareOfCapacity):
        return [resolve(scenario, capacity) for capacity in sorted(capacities)]
    return [scenario]


def _at_peak(load: AnyScenario) -> AnyScenario:
    rate = None if load.steady else peak_rate(load)
    return load if rate is None else OpenLoop(arrivals=getattr(load, "arrivals", "poisson"), rate=rate)
