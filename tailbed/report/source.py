"""What a page is made from: all that an experiment's folder holds, read once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple
from urllib.parse import quote

from loadtest.records import NAME as RECORDS
from tailbed.recommending import recommend_each
from tailbed.recommending.goal_error import GoalError
from tailbed.results.decisions import CapacityPlan, DeploymentPlan, PrecisionResult, QuantizationStudy, Recommendations
from tailbed.results.folder import ExperimentFolder
from tailbed.results.identity import Identity, in_order, short_names
from tailbed.results.schema import Summary
from tailbed.slo import Slo


class Link(NamedTuple):
    """A raw file, as the page links to it."""

    address: str
    """Relative to the page, quoted."""
    text: str


@dataclass(frozen=True)
class Source:
    """The folder, its results and what was concluded from them; None where it was not."""

    folder: ExperimentFolder
    summary: Summary
    environment: Mapping[str, Any]
    plan: CapacityPlan | None
    study: QuantizationStudy | None
    recommendations: Recommendations | None

    @classmethod
    def read(cls, folder: ExperimentFolder) -> Source:
        """Read all of it.

        Raises:
            ResultsError: there is no summary, or a file is not what its name says.
        """
        return cls(
            folder,
            folder.read_summary(),
            folder.read_environment(),
            folder.read_decision(CapacityPlan),
            folder.read_decision(QuantizationStudy),
            folder.read_decision(Recommendations),
        )

    @cached_property
    def recommended(self) -> Recommendations | None:
        """What is recommended: as it was asked for, else for P99; None where there is nothing to choose from."""
        try:
            found = self.recommendations or recommend_each(self.summary, "p99")
        except GoalError:
            return None
        return found if found.recommendations else None

    @cached_property
    def slo(self) -> Slo | None:
        """The objective that was asked for."""
        if self.plan:
            return self.plan.slo
        stored = self.recommendations.recommendations if self.recommendations else []
        return next((each.slo for each in stored if each.slo), None)

    @cached_property
    def identities(self) -> list[Identity]:
        """All deployments of the page in natural order. Their places give them their colours in every picture."""
        measured = set(map(Identity.of, self.summary.cells))
        known = {_key(identity) for identity in measured}
        return in_order(measured | {each for each in self._concluded() if _key(each) not in known})

    @cached_property
    def names(self) -> dict[Identity, str]:
        """A short name for each deployment."""
        return dict(zip(self.identities, short_names(self.identities), strict=True))

    def place(self, deployment: DeploymentPlan | PrecisionResult) -> int:
        """The place among ``identities`` of what a conclusion is about."""
        wanted = _key(self._identity(deployment))
        return next(place for place, each in enumerate(self.identities) if _key(each) == wanted)

    def name(self, deployment: DeploymentPlan | PrecisionResult) -> str:
        """Its short name."""
        return self.names[self.identities[self.place(deployment)]]

    def file(self, kind: type[CapacityPlan] | type[QuantizationStudy] | type[Recommendations]) -> str:
        """The name of the file that conclusions of this kind stand in."""
        return self.folder.decision_json(kind).name

    def link(self, path: str, text: str | None = None) -> Link | None:
        """The address of a file or folder, relative to the experiment's; None where there is no such thing."""
        return Link(quote(path), text or path) if (self.folder.path / path).exists() else None

    def records(self, runs: Iterable[str]) -> list[Link]:
        """The raw records of each of some runs, named by number; runs without any are left out."""
        found = (self.link(f"{run}/{RECORDS}", str(number)) for number, run in enumerate(runs, start=1))
        return [link for link in found if link]

    def _concluded(self) -> Iterator[Identity]:
        if self.plan:
            yield from map(self._identity, self.plan.deployments)
        if self.study:
            yield from map(self._identity, self.study.results)

    def _identity(self, of: DeploymentPlan | PrecisionResult) -> Identity:
        if isinstance(of, DeploymentPlan):
            return Identity(of.model, of.format, of.precision, of.server, of.protocol, of.runtime, of.variant, None)
        assert self.study is not None
        # A study is of one server, which measured cells name together with its protocol.
        protocol = next((cell.protocol for cell in self.summary.cells if cell.server == self.study.server), "")
        return Identity(of.model, of.format, of.precision, self.study.server, protocol, of.runtime, None, None)


def _key(identity: Identity) -> tuple[str | None, ...]:
    """What conclusions name a deployment by: its runtime is its stack's, and they know no arms."""
    return (*identity[:5], identity.variant)
