"""A deployment's fleet, from the raw records of its runs; and how well its model predicts a rate it has not seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Final

from loadtest import records
from models import TailbedError
from tailbed.planning.core_readings import slowness_of
from tailbed.planning.course import Findings
from tailbed.planning.demand import Demand
from tailbed.planning.fleet import ReplicaModel, predict, size_fleet
from tailbed.planning.fleet.core_speed import Slowness
from tailbed.results.decisions import FleetOption, LoadPoint, Prediction
from tailbed.results.schema import RunResult
from tailbed.slo import SHARES, Slo

APART: Final = 0.1
"""Rates that are nearer to the held-out one than this share of it are held out as well."""


class NoModelError(TailbedError):
    """A deployment whose runs make no model."""


@dataclass(frozen=True)
class Modelled:
    """What the model of a replica says.

    Attributes:
        predictions: of the held-out rate, one for each percentile that was measured there.
        fleet: an option for each balancer.
    """

    predictions: list[Prediction]
    fleet: list[FleetOption]


def model_fleet(found: Findings, demand: Demand, folder: Path) -> Modelled:
    """Make the model of a replica, and simulate with it.

    Args:
        found: of a deployment whose highest rate is known.
        demand: what the fleet is to hold.
        folder: the experiment's, for the raw records.

    Raises:
        NoModelError: no run of it can be used.
    """
    assert found.highest is not None
    replica, cores = replica_of(found, folder)
    price = demand.price
    fleet = size_fleet(
        replica,
        demand_rate=demand.rate,
        slo=demand.slo,
        highest_rate=found.highest.per_s,
        headroom=demand.headroom,
        arrivals=demand.arrivals,
        price_per_h=price.per_h if price else None,
    )
    return Modelled(_predictions(found, replica, cores, demand), fleet)


def replica_of(found: Findings, folder: Path) -> tuple[ReplicaModel, dict[str, Slowness]]:
    """The model of a replica, from the VALID and undisturbed runs of all rates but the held-out one.

    Beside it, how slow the server's cores were in these runs and in the VALID ones of the held-out rate; nothing where
    that is not known.

    Raises:
        NoModelError: no run of it can be used.
    """
    held_out = [point for point in found.points if point.role == "held-out"]
    names = [
        name
        for point in found.points
        if not any(abs(point.rate / other.rate - 1) < APART for other in held_out)
        for name in point.runs
    ]
    usable = [name for name in dict.fromkeys(names) if _usable(found.results[name])]
    if not usable:
        raise NoModelError("none of its runs at a rate that is not held out is VALID and undisturbed")
    try:
        instances = found.candidate.deployment.settings.instances
        checked = [name for point in held_out for name in _valid(found, point)]
        runs = {name: records.read(folder / name / records.NAME) for name in [*usable, *checked]}
        cores = slowness_of(folder, runs)
        model = ReplicaModel.fit(
            [runs[name] for name in usable],
            servers=instances if instances > 1 else None,
            cores=[cores[name] for name in usable if cores],
        )
    except TailbedError as error:
        raise NoModelError(str(error)) from error
    return model, cores


def _valid(found: Findings, point: LoadPoint) -> list[str]:
    return [name for name in point.runs if found.results[name].validity == "VALID"]


def _usable(result: RunResult) -> bool:
    return result.validity == "VALID" and "p99_ms" not in result.disturbed


def _predictions(
    found: Findings, replica: ReplicaModel, cores: Mapping[str, Slowness], demand: Demand
) -> list[Prediction]:
    points = [point for point in found.points if point.role == "held-out"]
    return [one for point in points for one in _of_point(point, found, replica, cores, demand)]


def _of_point(
    point: LoadPoint, found: Findings, replica: ReplicaModel, cores: Mapping[str, Slowness], demand: Demand
) -> list[Prediction]:
    """Of the held-out rate on cores that were as slow as in its runs: that of the machine is no error of the model."""
    measured = {"P50": (SHARES["p50"], point.p50_ms), "P99": (SHARES["p99"], point.p99_ms)}
    slo: Slo = demand.slo
    measured.setdefault(slo.name, (slo.share, point.slo_ms))
    valid = _valid(found, point)
    measured_on = replica.on([cores[name] for name in valid]) if cores and valid else replica
    predictions = []
    for figure, (share, value_ms) in measured.items():
        if value_ms is None or not valid:
            continue
        predicted = predict(
            measured_on,
            rate=point.rate,
            replicas=1,
            balancer=None,
            arrivals=demand.arrivals,
            share=share,
            requests=round(mean(found.results[name].requests for name in valid)),
        )
        predictions.append(
            Prediction(
                rate=point.rate,
                replicas=1,
                balancer=None,
                figure=figure,
                predicted_ms=predicted.estimate_ms,
                measured_ms=value_ms,
                error=predicted.estimate_ms / value_ms - 1,
                runs=valid,
            )
        )
    return predictions
