"""A plan from an experiment that is ready to be measured: runs, simulation, and where asked for a real balancer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from models import TailbedError
from tailbed.experiment.experiment import Experiment, Listener
from tailbed.planning.assembly import assemble
from tailbed.planning.balancers import validate
from tailbed.planning.course import Findings, PlanSchedule
from tailbed.planning.demand import Demand
from tailbed.planning.modelling import replica_of
from tailbed.results.decisions import CapacityPlan, DeploymentPlan, Validation

ROOMY_CORES: Final = 4
"""From so many cores of this machine on, two replicas and a balancer do not share any."""
ROOMY: Final = (0.6, 1.2)
"""Of the highest rate of one replica: what two of them are measured at."""
CRAMPED: Final = (0.3, 0.6)


class Planner:
    """The plan of an experiment, whose schedule it puts in place of the experiment's own.

    Args:
        demand: what the deployments are to hold.
        experiment: of them, not measured yet.
    """

    def __init__(self, demand: Demand, experiment: Experiment) -> None:
        self._demand = demand
        self._experiment = experiment
        self._schedule = PlanSchedule(demand, experiment.suite.duration_s, experiment.candidates)
        experiment.schedule = self._schedule

    def measure(self, listener: Listener) -> CapacityPlan:
        """Measure what is missing, and store the plan beside it.

        Raises:
            KeyboardInterrupt: the user stopped it; what was measured is on disk, and there is no plan.
            TailbedError: the plan cannot be made.
        """
        folder = self._experiment.folder
        self._experiment.measure(listener)
        plan = assemble(self._demand, self._schedule.findings, folder.path, listener.preparing)
        folder.write_decision(plan)
        if self._demand.validate_fleet:
            plan = self._validated(plan, listener)
            folder.write_decision(plan)
        return plan

    def _validated(self, plan: CapacityPlan, listener: Listener) -> CapacityPlan:
        """The plan with the recommended deployment measured as two replicas behind real balancers."""
        best = plan.deployments[0]
        found = next((one for one in self._schedule.findings if _is_of(one, best)), None)
        if found is None or best.replicas is None or best.highest.per_s is None:
            note = "no fleet was validated, since none is recommended"
            return plan.model_copy(update={"notes": [*plan.notes, note]})
        try:
            validations = self._validate(found, best.highest.per_s, listener)
        except TailbedError as error:
            return plan.model_copy(update={"notes": [*plan.notes, f"no fleet was validated: {error}"]})
        return plan.model_copy(update={"validations": validations})

    def _validate(self, found: Findings, highest: float, listener: Listener) -> Sequence[Validation]:
        experiment = self._experiment
        own = experiment.folder.preparation("validate", found.candidate.name)
        _set_aside(own)
        shares = ROOMY if len(experiment.placement.cores) >= ROOMY_CORES else CRAMPED
        return validate(
            found.candidate,
            replica_of(found, experiment.folder.path)[0],
            rates=[float(f"{share * highest:.3g}") for share in shares],
            folder=own,
            suite=experiment.suite,
            placement=experiment.placement,
            arrivals=self._demand.arrivals,
            progress=listener.preparing,
        )


def _is_of(found: Findings, plan: DeploymentPlan) -> bool:
    candidate = found.candidate
    ref = f"{plan.model}/{plan.format}/{plan.precision}"
    return (candidate.artifact.ref, candidate.stack, candidate.variant) == (ref, plan.server, plan.variant)


def _set_aside(folder: Path) -> None:
    """Keep what a stopped validation left under another name."""
    if folder.exists():
        kept = sum(1 for _ in folder.parent.glob(f"{folder.name}.stopped-*"))
        folder.rename(folder.with_name(f"{folder.name}.stopped-{kept + 1}"))
