"""What an experiment lacks: cells that were planned and not measured."""

from __future__ import annotations

from tailbed.results.folder import ExperimentFolder
from tailbed.results.identity import natural
from tailbed.results.schema import Summary
from tailbed.suite import SuiteError, read_suite


def missing_cells(folder: ExperimentFolder, summary: Summary) -> list[str]:
    """The planned cells that were not measured and are not among ``summary.failures``, each in words.

    They are the planned deployments under the stored suite's scenarios. Where that suite cannot be read, by this
    version or at all, only their number is known and the list is empty. Where all that were planned are there, or runs
    followed from one another, none is missing, whatever the suite says.
    """
    if summary.planned_cells is None or len(summary.cells) >= summary.planned_cells:
        return []
    try:
        suite = read_suite(str(folder.suite))
    except SuiteError:
        return []
    planned = {
        (f"{each.model}/{each.format}/{each.precision}", each.server, each.variant, scenario.label)
        for each in summary.deployments
        for scenario in suite.scenarios
    }
    measured = {(f"{c.model}/{c.format}/{c.precision}", c.server, c.variant, c.scenario) for c in summary.cells}
    titles = [
        f"{artifact} on {stack}{f' with {variant}' if variant else ''}, {scenario}"
        for artifact, stack, variant, scenario in planned - measured
    ]
    return sorted((title for title in titles if not _failed(title, summary)), key=natural)


def _failed(title: str, summary: Summary) -> bool:
    return any(failure.startswith(f"{title}:") for failure in summary.failures)
