"""What is measured before the runs: capacities, the client's own floor, cold starts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from exporters import Artifact
from loadtest.scenario import AnyScenario
from models import TailbedError
from servers import STACKS
from tailbed.experiment.calibration import calibrate
from tailbed.experiment.capacity import probe_capacity
from tailbed.experiment.client_limit import null_capacity, refusal
from tailbed.experiment.cold_start import study_cold_start
from tailbed.experiment.order import Run, deployment_of, title_of
from tailbed.experiment.placement import Placement
from tailbed.results.folder import ExperimentFolder
from tailbed.results.schema import Calibration, Capacity, ColdStartStudy, Summary
from tailbed.suite import ShareOfCapacity, Suite, resolve

Tell = Callable[[str], None]
"""Told in words what is measured now."""


class RefusedError(TailbedError):
    """A run that is not made, because its figures could not be believed."""


@dataclass
class Preparation:
    """What is found before the runs, and what follows from it for each run."""

    suite: Suite
    artifacts: Sequence[Artifact]
    folder: ExperimentFolder
    placement: Placement
    capacities: list[Capacity] = field(default_factory=list)
    calibration: list[Calibration] = field(default_factory=list)
    cold_starts: list[ColdStartStudy] = field(default_factory=list)

    def resume(self, before: Summary) -> None:
        """Take over what an earlier part of the experiment found."""
        self.capacities, self.calibration = list(before.capacities), list(before.calibration)
        self.cold_starts = list(before.cold_starts)

    def steps(self) -> Iterator[tuple[str, Callable[[Tell], None]]]:
        """What is to be measured and not found yet: its title, and what does it. A step may raise TailbedError."""
        deployments = [
            (artifact, stack, variant)
            for artifact in self.artifacts
            for stack in self.suite.stacks
            for variant in self.suite.variant_names()
        ]
        if self.suite.needs_capacities:
            for deployment in deployments:
                if not any(_is_of(capacity, *deployment) for capacity in self.capacities):
                    yield f"capacity of {title_of(*deployment)}", partial(self._probe, *deployment)
        if not self.calibration:
            yield "calibration", self._calibrate
        if self.suite.cold_start:
            for deployment in deployments:
                if not any(_is_of(study, *deployment) for study in self.cold_starts):
                    yield f"cold start of {title_of(*deployment)}", partial(self._study, *deployment)

    def load_of(self, run: Run) -> AnyScenario:
        """The load of a run, a share of capacity made a rate.

        Raises:
            RefusedError: its deployment's capacity is not known, or it is beyond what the client can be trusted with.
        """
        scenario = run.scenario
        if isinstance(scenario, ShareOfCapacity):
            served = run.artifact, run.stack, run.variant
            known = [capacity.per_s for capacity in self.capacities if _is_of(capacity, *served)]
            if not known:
                raise RefusedError("the deployment's capacity is not known, its probe failed")
            scenario = resolve(scenario, known[0])
        protocol = STACKS.get(run.stack).protocol
        most = null_capacity(self.calibration, run.artifact.manifest.model, protocol)
        if reason := refusal(scenario, protocol, most):
            raise RefusedError(reason)
        return scenario

    def _probe(self, artifact: Artifact, stack: str, variant: str | None, tell: Tell) -> None:
        folder = self.folder.preparation("capacity", _name(artifact, stack, variant))
        deployment = deployment_of(artifact, stack, variant, self.suite, self.placement)
        capacity = probe_capacity(deployment, folder, self.suite, self.placement, tell)
        self.capacities.append(capacity.model_copy(update={"variant": variant}))

    def _calibrate(self, tell: Tell) -> None:
        self.calibration = calibrate(
            self.suite, self.artifacts, self.folder.path, self.placement, tell, self.capacities
        )

    def _study(self, artifact: Artifact, stack: str, variant: str | None, tell: Tell) -> None:
        settings = self.suite.cold_start
        assert settings is not None
        title = f"cold start of {title_of(artifact, stack, variant)}"
        study = study_cold_start(
            deployment_of(artifact, stack, variant, self.suite, self.placement),
            self.folder.preparation("cold-start", _name(artifact, stack, variant)),
            processes=settings.processes,
            idle_gaps_s=settings.idle_gaps_s,
            start_timeout_s=self.suite.start_timeout_s,
            timeout_s=self.suite.timeout_s,
            progress=lambda share: tell(f"{title}: {share:.0%}"),
            nice=self.placement.nice,
        )
        self.cold_starts.append(study.model_copy(update={"variant": variant}))


def _name(artifact: Artifact, stack: str, variant: str | None) -> str:
    return "-".join(filter(None, (artifact.ref, stack, variant)))


def _is_of(found: Capacity | ColdStartStudy, artifact: Artifact, stack: str, variant: str | None) -> bool:
    named = (f"{found.model}/{found.format}/{found.precision}", found.server, found.variant)
    return named == (artifact.ref, stack, variant)
