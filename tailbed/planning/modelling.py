"""A deployment's fleet, from the raw records of its runs; and how well its model predicts a rate it has not seen."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Final

from loadtest import records
from models import TailbedError
from tailbed.planning.course import Findings
from tailbed.planning.demand import Demand
from tailbed.planning.fleet import ReplicaModel, predict, size_fleet
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
    replica = replica_of(found, folder)
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
    return Modelled(_predictions(found, replica, demand), fleet)


def replica_of(found: Findings, folder: Path) -> ReplicaModel:
    """The model of a replica, from the VALID and undisturbed runs of all rates but the held-out one.

    Raises:
        NoModelError: no run of it can be used.
    """
    held_out = [point.rate for point in found.points if point.role == "held-out"]
    names = [
        name
        for point in found.points
        if not any(abs(point.rate / rate - 1) < APART for rate in held_out)
        for name in point.runs
    ]
    usable = [name for name in dict.fromkeys(names) if _usable(found.results[name])]
    if not usable:
        raise NoModelError("none of its runs at a rate that is not held out is VALID and undisturbed")
    try:
        instances = found.candidate.deployment.settings.instances
        runs = [records.read(folder / name / records.NAME) for name in usable]
        return ReplicaModel.fit(runs, servers=instances if instances > 1 else None)
    except TailbedError as error:
        raise NoModelError(str(error)) from error


def _usable(result: RunResult) -> bool:
    return result.validity == "VALID" and "p99_ms" not in result.disturbed


def _predictions(found: Findings, replica: ReplicaModel, demand: Demand) -> list[Prediction]:
    points = [point for point in found.points if point.role == "held-out"]
    return [one for point in points for one in _of_point(point, found, replica, demand)]


def _of_point(point: LoadPoint, found: Findings, replica: ReplicaModel, demand: Demand) -> list[Prediction]:
    measured = {"P50": (SHARES["p50"], point.p50_ms), "P99": (SHARES["p99"], point.p99_ms)}
    slo: Slo = demand.slo
    measured.setdefault(slo.name, (slo.share, point.slo_ms))
    valid = [name for name in point.runs if found.results[name].validity == "VALID"]
    predictions = []
    for figure, (share, value_ms) in measured.items():
        if value_ms is None or not valid:
            continue
        predicted = predict(
            replica,
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
