"""How deployments start: the stages of a cold start, and the first request after a pause."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median
from typing import Any

from tailbed.report.section import Section
from tailbed.report.source import Source
from tailbed.results.identity import Identity, natural
from tailbed.results.schema import Capacity, Cell, ColdStart, ColdStartStudy, Measurement

STAGES = ("listening_ms", "ready_ms", "first_answer_ms")
"""The stages' ends, in order, all counted from the process's start."""
_MOST_BARS = 4
"""Of one deployment; with more scenarios its starts are taken together."""


def prepare(source: Source) -> Section | None:
    """Bars of every deployment's stages; None where tailbed started no server."""
    summary = source.summary
    bars = cold_start_bars(summary.cells, summary.cold_starts, source.identities)
    paused = [study for study in summary.cold_starts if study.idle]
    if not bars and not paused:
        return None
    own = {
        "bars": bars,
        "stages": tuple(stage.removesuffix("_ms") for stage in STAGES),
        "dropped": [(_name(source, study), study.dropped_note) for study in summary.cold_starts],
        "pauses": [f"after {gap.gap_s:g} s" for gap in paused[0].idle] if paused else [],
        "paused": [(_name(source, study), study.idle) for study in paused],
        "raw": [source.link("cold-start", "cold-start/"), source.link("summary.json")],
    }
    return Section("Cold start", own, [bars])


def studied(study: ColdStartStudy | Capacity) -> Identity:
    """The deployment that a study or a probe is of."""
    return Identity(
        study.model, study.format, study.precision, study.server, study.protocol, study.runtime, study.variant, None
    )


def cold_start_bars(
    cells: Sequence[Cell], studies: Sequence[ColdStartStudy], identities: Sequence[Identity]
) -> list[dict[str, Any]]:
    """One bar for the page cache warm and one for it dropped where a deployment was studied, else one a cell.

    A bar has the median of each stage's end over its processes, null where a stage was not seen.
    """
    bars = []
    known = {studied(study): study for study in studies}
    for place, identity in enumerate(identities):
        study = known.get(identity._replace(arm=None))
        groups = _of_study(study) if study else _of_cells(cells, identity)
        bars += [
            {"deployment": place, "label": label, "processes": len(starts), **_stages(starts)}
            for label, starts in groups
            if starts
        ]
    return bars


def _of_study(study: ColdStartStudy) -> Iterator[tuple[str, list[ColdStart]]]:
    yield "page cache warm", study.warm
    yield "page cache dropped", study.dropped


def _of_cells(cells: Sequence[Cell], identity: Identity) -> Iterator[tuple[str, list[ColdStart]]]:
    groups: list[tuple[str, list[ColdStart]]] = []
    for cell in sorted(cells, key=lambda cell: natural(cell.scenario)):
        if Identity.of(cell) == identity:
            measured: Sequence[Measurement] = cell.runs or [cell]
            groups.append((cell.scenario, [run.cold_start for run in measured if run.cold_start]))
    # A start does not depend on the load that follows it.
    if len(groups) > _MOST_BARS:
        groups = [("all scenarios", [start for _, starts in groups for start in starts])]
    yield from groups


def _stages(starts: Sequence[ColdStart]) -> dict[str, Any]:
    """The median end of each stage; null where one start did not get there."""
    ends = {stage.removesuffix("_ms"): [getattr(start, stage) for start in starts] for stage in STAGES}
    return {stage: None if None in values else median(values) for stage, values in ends.items()}


def _name(source: Source, study: ColdStartStudy) -> str:
    return source.names.get(studied(study), study.server)
