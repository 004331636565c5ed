"""Which deployments are planned, and with which suite they are measured: of names, or of a results folder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from loadtest.scenario import Arrivals, ClosedLoop
from tailbed.experiment.services import Services
from tailbed.experiment.setting_up import Chosen
from tailbed.planning.demand import DemandError
from tailbed.results.decisions import QuantizationStudy
from tailbed.results.folder import ExperimentFolder
from tailbed.suite import Selection, ShareOfCapacity, Suite, SuiteError, read_suite, select

CLIENTS: Final = (1, 2, 4, 8, 16, 32)
"""Of the closed loops that scalability is seen by."""
MORE_CLIENTS: Final = 64
"""Tried where the last doubling still brought more than a tenth."""
NAME: Final = "plan"

Pairs = tuple[tuple[str, str], ...]
"""Artifacts, ``model/format/precision``, each with a stack."""


def suite_of(
    refs: Sequence[str], stacks: Sequence[str], *, arrivals: Arrivals, runs: int, duration_s: float, **settings: Any
) -> Suite:
    """The suite of a plan: what every deployment is measured with beside the rates that the search chooses.

    The open loop at the whole capacity stands for these rates where null servers are measured.

    Raises:
        DemandError: one of the artifacts or stacks cannot be.
    """
    from pydantic import ValidationError

    from models.validation import first_problem

    scenarios = [*(ClosedLoop(concurrency=clients) for clients in CLIENTS)]
    try:
        return Suite.model_validate(
            {
                "name": NAME,
                "artifacts": tuple(refs),
                "stacks": tuple(stacks),
                "scenarios": [*scenarios, ShareOfCapacity(kind="open", arrivals=arrivals, share=1.0)],
                "blocks": runs,
                "duration_s": duration_s,
                **settings,
            }
        )
    except ValidationError as error:
        raise DemandError(first_problem(error)) from error


def deployments_of(folder: ExperimentFolder) -> tuple[Pairs, dict[str, Any]]:
    """What a results folder measured: its deployments, of a quantization study those on the frontier, with settings.

    Raises:
        DemandError: it measured services, or has no deployment.
        ResultsError: it is no results folder.
        SuiteError: its suite cannot be read.
    """
    summary = folder.read_summary()
    suite = read_suite(str(folder.suite))
    if suite.services:
        raise DemandError(f"{folder.path}: measured services, which others start: name artifacts to plan instead")
    study = folder.read_decision(QuantizationStudy)
    if study is not None:
        found = [
            (f"{one.model}/{one.format}/{one.precision}", study.server) for one in study.results if one.on_frontier
        ]
    else:
        found = [(f"{one.model}/{one.format}/{one.precision}", one.server) for one in summary.deployments]
    pairs = tuple(dict.fromkeys(found))
    if not pairs:
        raise DemandError(f"{folder.path}: has no deployment to plan")
    return pairs, suite.model_dump(include={"settings", "variants", "start_timeout_s", "timeout_s", "keep_awake"})


def choose(suite: Suite, pairs: Pairs | None) -> Chosen:
    """What of ``suite`` can be measured here: all of it, or ``pairs``.

    Raises:
        TailbedError: something of it cannot be.
    """
    if pairs is None:
        return Chosen(suite, select(suite), Services.find([]))
    # Not every artifact need be on every stack: each pair is looked for by itself.
    found = [select(suite.model_copy(update={"artifacts": (ref,), "stacks": (stack,)})).pairs for ref, stack in pairs]
    if not any(found):
        raise SuiteError("nothing to plan")
    return Chosen(suite, Selection(tuple(pair for several in found for pair in several)), Services.find([]))
