"""The one figure that stands for an experiment where many are listed."""

from __future__ import annotations

from tailbed.results.decisions import CapacityPlan, QuantizationStudy, Recommendation, Recommendations
from tailbed.results.folder import ExperimentFolder
from tailbed.results.identity import Identity, short_names
from tailbed.results.schema import Cell, Summary


def best_of(folder: ExperimentFolder, summary: Summary) -> tuple[str | None, str | None]:
    """What the experiment recommends, with its figure, and whose word that is: ``plan``, ``quantization`` and so on.

    Without a recommendation it is the lowest P99 among the VALID cells of the suite's first scenario, which is no
    verdict. Both are None where there is none.

    Raises:
        ResultsError: one of the folder's files cannot be read.
    """
    if plan := folder.read_decision(CapacityPlan):
        first = next((each for each in plan.deployments if each.replicas), None)
        return (f"{first.format} {first.server}: {_replicas(first.replicas)}" if first else plan.answer), "plan"
    if (study := folder.read_decision(QuantizationStudy)) and (told := _told(study.recommendation)):
        return told, "quantization"
    if found := folder.read_decision(Recommendations):
        for each in found.recommendations:
            if told := _told(each):
                return told, "recommendation"
    return _lowest_p99(summary)


def _replicas(number: int | None) -> str:
    return f"{number} replica{'' if number == 1 else 's'}"


def _told(recommendation: Recommendation | None) -> str | None:
    if recommendation is None or recommendation.deployment is None:
        return None
    return ": ".join(filter(None, (recommendation.deployment, recommendation.figure)))


def _lowest_p99(summary: Summary) -> tuple[str | None, str | None]:
    if not summary.cells:
        return None, None
    names = _names(summary.cells)
    first = summary.cells[0].scenario
    figures = [
        (cell.p99_ms, names[Identity.of(cell)])
        for cell in summary.cells
        if cell.scenario == first and cell.validity == "VALID" and cell.p99_ms is not None
    ]
    if not figures:
        return None, None
    p99, name = min(figures)
    return f"{name}: P99 {p99:.3g} ms, {first}", "lowest P99"


def _names(cells: list[Cell]) -> dict[Identity, str]:
    identities = list(dict.fromkeys(map(Identity.of, cells)))
    return {
        identity: name.replace(" · ", " ") for identity, name in zip(identities, short_names(identities), strict=True)
    }
