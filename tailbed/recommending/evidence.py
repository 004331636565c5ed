"""Where the figures of a recommendation lie, relative to the experiment's folder."""

from __future__ import annotations

from collections.abc import Iterable

from tailbed.results.identity import Identity
from tailbed.results.schema import Cell


def runs_of(cells: Iterable[Cell]) -> tuple[str, ...]:
    """The folders of the VALID runs, which the cells' figures are over."""
    return tuple(run.run for cell in cells for run in cell.runs if run.run and run.validity == "VALID")


def preparation_of(what: str, deployment: Identity) -> str:
    """The folder of what was measured before the runs, such as ``capacity``; see ``ExperimentFolder.preparation``."""
    name = "-".join(filter(None, (deployment.artifact, deployment.server, deployment.variant)))
    return f"{what}/{name.replace('/', '-')}"
