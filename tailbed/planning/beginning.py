"""From what users write to a plan that can be measured: a demand, what is chosen for it, and its folder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from models.validation import first_problem
from tailbed.experiment.setting_up import Chosen
from tailbed.planning.balancers import installed
from tailbed.planning.chosen import choose, deployments_of, suite_of
from tailbed.planning.demand import Demand, DemandError, Price, parse_percent
from tailbed.results.decisions import QuantizationStudy
from tailbed.results.folder import ExperimentFolder
from tailbed.slo import Slo
from tailbed.suite import read_suite


@dataclass(frozen=True)
class Asked:
    """A demand as users write it; see ``Demand``."""

    slo: str
    rate: float
    arrivals: str
    headroom: str
    price: str | None
    runs: int
    duration_s: float
    tolerance: str
    sweep: bool
    validate: bool
    keep_awake: bool = False


def begin(
    asked: Asked, refs: Sequence[str], stacks: Sequence[str], source: ExperimentFolder | None, out: Path
) -> tuple[Demand, Chosen, ExperimentFolder]:
    """Begin a plan. Nothing is written before all of it is known to be possible.

    Args:
        asked: the demand.
        refs: artifacts to plan, each on each of ``stacks``; none where ``source`` names them.
        stacks: see ``refs``.
        source: the results of which the deployments are planned; a quantization study is copied, as a part of the plan.
        out: the new folder.

    Raises:
        TailbedError: something of what is asked cannot be read, or cannot be measured here.
    """
    demand = _demand(asked)
    pairs, settings = deployments_of(source) if source is not None else (None, {})
    if asked.keep_awake:
        settings["keep_awake"] = True
    if pairs is not None:
        refs, stacks = (tuple(dict.fromkeys(parts)) for parts in zip(*pairs, strict=True))
    suite = suite_of(refs, stacks, arrivals=demand.arrivals, runs=demand.runs, duration_s=asked.duration_s, **settings)
    chosen = choose(suite, pairs)
    if demand.validate_fleet:
        installed()
    demand = demand.model_copy(update={"pairs": chosen.selection.pairs})
    folder = ExperimentFolder.create(out)
    demand.write(folder.path)
    if source is not None and (study := source.read_decision(QuantizationStudy)) is not None:
        measured_by = source.path / study.experiment if study.experiment else source.path
        folder.write_decision(study.model_copy(update={"experiment": os.path.relpath(measured_by, folder.path)}))
    return demand, chosen, folder


def go_on(folder: ExperimentFolder) -> tuple[Demand, Chosen]:
    """Go on with the plan of a folder.

    Raises:
        TailbedError: the folder has none, or it cannot be measured here any more.
    """
    demand = Demand.read(folder.path)
    folder.read_summary()
    return demand, choose(read_suite(str(folder.suite)), demand.pairs)


def _demand(asked: Asked) -> Demand:
    """The demand, of no deployment yet."""
    try:
        return Demand.model_validate(
            {
                "slo": Slo.parse(asked.slo),
                "rate": asked.rate,
                "arrivals": asked.arrivals,
                "headroom": parse_percent(asked.headroom, "headroom", least=0, most=0.9),
                "price": None if asked.price is None else Price.parse(asked.price),
                "runs": asked.runs,
                "tolerance": parse_percent(asked.tolerance, "tolerance", least=0.01, most=0.5),
                "sweep": asked.sweep,
                "validate_fleet": asked.validate,
                "pairs": (),
            }
        )
    except ValidationError as error:
        raise DemandError(first_problem(error)) from error
