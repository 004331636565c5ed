"""What is measured before the runs: capacities, the client's own floor, cold starts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from loadtest.scenario import AnyScenario
from models import TailbedError
from servers.containers import Engine
from tailbed.experiment.calibration import calibrate
from tailbed.experiment.capacity import probe_capacity
from tailbed.experiment.client_limit import null_capacity, refusal
from tailbed.experiment.cold_start import study_cold_start
from tailbed.experiment.order import Run
from tailbed.experiment.placement import Placement
from tailbed.results.folder import ExperimentFolder
from tailbed.results.schema import Calibration, Capacity, ColdStartStudy, Summary
from tailbed.suite import Candidate, ShareOfCapacity, Suite, resolve

Tell = Callable[[str], None]
"""Told in words what is measured now."""


class RefusedError(TailbedError):
    """A run that is not made, because its figures could not be believed."""


@dataclass
class Preparation:
    """What is found before the runs, and what follows from it for each run."""

    suite: Suite
    candidates: Sequence[Candidate]
    folder: ExperimentFolder
    placement: Placement
    engine: Engine | None = None
    capacities: list[Capacity] = field(default_factory=list)
    calibration: list[Calibration] = field(default_factory=list)
    cold_starts: list[ColdStartStudy] = field(default_factory=list)

    def resume(self, before: Summary) -> None:
        """Take over what an earlier part of the experiment found."""
        self.capacities, self.calibration = list(before.capacities), list(before.calibration)
        self.cold_starts = list(before.cold_starts)

    def steps(self) -> Iterator[tuple[str, Callable[[Tell], None]]]:
        """What is to be measured and not found yet: its title, and what does it. A step may raise TailbedError."""
        if self.suite.needs_capacities:
            for candidate in self.candidates:
                if not any(_is_of(capacity, candidate) for capacity in self.capacities):
                    yield f"capacity of {candidate.title}", partial(self._probe, candidate)
        if not self.calibration:
            yield "calibration", self._calibrate
        if self.suite.cold_start:
            for candidate in self.candidates:
                if not any(_is_of(study, candidate) for study in self.cold_starts):
                    yield f"cold start of {candidate.title}", partial(self._study, candidate)

    def load_of(self, run: Run) -> AnyScenario:
        """The load of a run, a share of capacity made a rate.

        Raises:
            RefusedError: its deployment's capacity is not known, or it is beyond what the client can be trusted with.
        """
        scenario, candidate = run.scenario, run.candidate
        if isinstance(scenario, ShareOfCapacity):
            capacity = self.capacity_of(candidate)
            if capacity is None:
                raise RefusedError("the deployment's capacity is not known, its probe failed")
            scenario = resolve(scenario, capacity.per_s)
        most = null_capacity(self.calibration, candidate.artifact.manifest.model, candidate.protocol)
        if reason := refusal(scenario, candidate.protocol, most):
            raise RefusedError(reason)
        return scenario

    def capacity_of(self, candidate: Candidate) -> Capacity | None:
        """What a deployment's probe found; None where it was not probed, or the probe failed."""
        return next((capacity for capacity in self.capacities if _is_of(capacity, candidate)), None)

    def _probe(self, candidate: Candidate, tell: Tell) -> None:
        folder = self.folder.preparation("capacity", candidate.name)
        capacity = probe_capacity(candidate.deployment, folder, self.suite, self.placement, tell, self.engine)
        self.capacities.append(capacity.model_copy(update=_of(candidate)))

    def _calibrate(self, tell: Tell) -> None:
        self.calibration = calibrate(
            self.suite, self.candidates, self.folder.path, self.placement, tell, self.capacities
        )

    def _study(self, candidate: Candidate, tell: Tell) -> None:
        settings = self.suite.cold_start
        assert settings is not None
        title = f"cold start of {candidate.title}"
        study = study_cold_start(
            candidate.deployment,
            self.folder.preparation("cold-start", candidate.name),
            processes=settings.processes,
            idle_gaps_s=settings.idle_gaps_s,
            start_timeout_s=self.suite.start_timeout_s,
            timeout_s=self.suite.timeout_s,
            progress=lambda share: tell(f"{title}: {share:.0%}"),
            nice=self.placement.nice,
        )
        self.cold_starts.append(study.model_copy(update=_of(candidate)))


def _of(candidate: Candidate) -> dict[str, str | None]:
    """What the deployment alone does not tell."""
    return {"variant": candidate.variant, "runtime": candidate.runtime}


def _is_of(found: Capacity | ColdStartStudy, candidate: Candidate) -> bool:
    named = (f"{found.model}/{found.format}/{found.precision}", found.server, found.variant)
    return named == (candidate.artifact.ref, candidate.stack, candidate.variant)
