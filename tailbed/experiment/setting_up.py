"""From a suite to an experiment that is ready to be measured: what runs here, exported, on cores of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol, Self

from exporters import ArtifactStore
from tailbed.experiment.awake import kept_awake
from tailbed.experiment.core_stalls import measure_stalls
from tailbed.experiment.experiment import Experiment
from tailbed.experiment.exporting import export_all
from tailbed.experiment.placement import Placement, permitted_niceness, place
from tailbed.experiment.services import Services
from tailbed.results.folder import ExperimentFolder
from tailbed.suite import Selection, Suite, candidates, check_traces, select, select_services


class Watcher(Protocol):
    """Told what is done before an experiment begins."""

    def exporting(self, ref: str) -> None:
        """An export begins."""
        ...

    def preparing(self, what: str) -> None:
        """Something else begins."""
        ...


@dataclass(frozen=True)
class Chosen:
    """What can be measured of a suite here. Nothing has been written or started yet."""

    suite: Suite
    selection: Selection
    services: Services

    @classmethod
    def of(cls, suite: Suite) -> Self:
        """Look what of ``suite`` there is on this machine.

        Raises:
            TailbedError: something that the suite names is not.
        """
        check_traces(suite)
        return cls(suite, select(suite), Services.find(select_services(suite)))

    @contextmanager
    def experiment(
        self, folder: ExperimentFolder, watcher: Watcher, warn: Callable[[str], None]
    ) -> Iterator[Experiment]:
        """Export what is served, take services over, and choose cores; in the end all is as it was.

        Args:
            folder: of a new experiment, or of one that goes on.
            watcher: told how it goes on.
            warn: told in one line what could not be put back.

        Raises:
            TailbedError: nothing of it can be measured.
        """
        suite, services = self.suite, self.services
        with services.taken(warn):
            artifacts, not_exported = export_all(
                self.selection.artifacts,
                ArtifactStore(),
                watcher.exporting,
                takes_what_is_there=suite.takes_what_is_there,
            )
            watcher.preparing("each core's own stalls")
            # An experiment goes on where it was measured, as long as it can. Servers that others started have cores
            # that leave the last one to the client (compose.yaml), however quiet it is.
            placement = Placement.restore(folder.read_environment().get("placement", {})) or place(
                () if services.as_they_run else measure_stalls(nice=permitted_niceness())
            )
            measured = candidates(suite, self.selection, artifacts, placement.server)
            measured += services.candidates(placement.server)
            left_out = [*self.selection.left_out, *not_exported, *services.left_out]
            with kept_awake(placement.cores if suite.keep_awake else ()):
                yield Experiment(suite, measured, folder, placement, left_out, services.engine)
