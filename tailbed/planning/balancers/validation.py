"""Replicas behind a real load balancer, measured, and beside it what the simulation says of them.

What the balancer itself takes is no part of a replica's model that was made without one. So the model is made anew: of
runs of one replica behind the same balancer, at each one's share of the rates. Then the very same replica, balancer and
path are simulated as several, and what is judged is what the simulation adds: how the balancer divides the requests,
and what that does to the queues.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from models import TailbedError
from tailbed.experiment.placement import Placement
from tailbed.planning.balancers import haproxy, nginx
from tailbed.planning.balancers.cores import divide
from tailbed.planning.balancers.measuring import Bench, Measured
from tailbed.planning.balancers.program import BalancerError, Program, executable, version
from tailbed.planning.balancers.replicas import DeploymentReplicas
from tailbed.planning.fleet import BALANCERS, NothingToLearn, ReplicaModel, predict
from tailbed.planning.fleet.prediction import Arrivals
from tailbed.results.decisions.plan import Balancer, Prediction, Validation
from tailbed.suite import Candidate, Suite

PROGRAMS: Final[tuple[Program, ...]] = (haproxy.PROGRAM, nginx.PROGRAM)
FIGURES: Final = {"P50": ("p50_ms", 0.5), "P99": ("p99_ms", 0.99)}
"""What is compared: the field of a measurement, and the share of the requests."""
REPLICAS: Final = 2


def installed() -> list[Program]:
    """The balancers that this machine has.

    Raises:
        BalancerError: it has none.
    """
    found = [program for program in PROGRAMS if executable(program)]
    if not found:
        commands = " ".join(program.command for program in PROGRAMS)
        names = " nor ".join(program.name for program in PROGRAMS)
        raise BalancerError(f"no load balancer is installed, neither {names}: get one with: apt-get install {commands}")
    return found


def validate(
    candidate: Candidate,
    model: ReplicaModel | None,
    *,
    rates: Sequence[float],
    folder: Path,
    suite: Suite,
    placement: Placement,
    arrivals: Arrivals = "poisson",
    balancers: Sequence[Balancer] = BALANCERS,
    programs: Sequence[Program] | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> list[Validation]:
    """Measure two replicas of a deployment behind each balancer, and compare with the simulation.

    Args:
        candidate: the deployment.
        model: one replica without a balancer: to say what the balancer itself takes; None leaves that out.
        rates: requests a second, of both replicas together.
        folder: for everything, as ``ExperimentFolder.preparation`` gives it.
        suite: for lengths, timeouts, attempts and the seed.
        placement: of client and server; the server's cores are divided.
        arrivals: how requests arrive.
        balancers: kinds of balancing.
        programs: the balancers; those installed by default.
        progress: told in words what is measured now.

    Returns:
        One for each program and kind. A rate without a VALID run has no prediction, and the note says why.

    Raises:
        BalancerError: no balancer is installed.
    """
    replicas = DeploymentReplicas(candidate, suite)
    found = []
    for program in installed() if programs is None else programs:
        bench = Bench(replicas, program, arrivals, suite, placement, REPLICAS, progress)
        found += compare(bench, model, rates=rates, folder=folder / program.command, balancers=balancers)
    return found


def compare(
    bench: Bench,
    model: ReplicaModel | None,
    *,
    rates: Sequence[float],
    folder: Path,
    balancers: Sequence[Balancer] = BALANCERS,
) -> list[Validation]:
    """The same for any replicas and one program."""
    try:
        alone = [
            bench.run("round-robin", rate / bench.most, 1, folder / f"one-{rate:g}", bench.suite.seed) for rate in rates
        ]
        usable = [one.records for one in alone if not _why_not(one)]
        if not usable:
            raise NothingToLearn(f"one replica alone: {_why_not(alone[0])}")
        behind = ReplicaModel.fit(usable)
    except TailbedError as error:
        return [_validation(bench, balancer, [], [f"not compared: {error}"]) for balancer in balancers]
    notes = [*_hop(bench, model, alone[0]), *_sharing(bench, behind, max(rates))]
    return [_compared(bench, balancer, behind, rates, folder, notes) for balancer in balancers]


def _compared(
    bench: Bench, balancer: Balancer, behind: ReplicaModel, rates: Sequence[float], folder: Path, notes: Sequence[str]
) -> Validation:
    predictions, missing = [], []
    for rate in rates:
        try:
            run = bench.run(balancer, rate, bench.most, folder / f"{balancer}-{rate:g}", bench.suite.seed + 1)
        except TailbedError as error:
            missing.append(f"{rate:g}/s: {error}")
            continue
        if reason := _why_not(run):
            missing.append(f"{rate:g}/s: {reason}")
        else:
            predictions += _predictions(bench, balancer, behind, rate, run)
    return _validation(bench, balancer, predictions, [*notes, *missing])


def _predictions(
    bench: Bench, balancer: Balancer, behind: ReplicaModel, rate: float, run: Measured
) -> list[Prediction]:
    found = []
    for figure, (field, share) in FIGURES.items():
        measured_ms = getattr(run.result, field)
        if measured_ms is None:  # too few requests
            continue
        predicted = predict(
            behind,
            rate=rate,
            replicas=bench.most,
            balancer=balancer,
            arrivals=bench.arrivals,
            share=share,
            requests=run.result.requests,
            seed=bench.suite.seed,
        )
        found.append(
            Prediction(
                rate=rate,
                replicas=bench.most,
                balancer=balancer,
                figure=figure,
                predicted_ms=predicted.estimate_ms,
                measured_ms=measured_ms,
                error=predicted.estimate_ms / measured_ms - 1,
                runs=[_named(run)],
            )
        )
    return found


def _validation(bench: Bench, balancer: Balancer, predictions: list[Prediction], notes: Sequence[str]) -> Validation:
    return Validation(
        balancer=balancer,
        program=version(bench.program),
        deployment=bench.replicas.title,
        predictions=predictions,
        note="; ".join(notes),
    )


def _hop(bench: Bench, model: ReplicaModel | None, alone: Measured) -> list[str]:
    """What the balancer itself takes, in words."""
    measured_ms, rate = alone.result.p50_ms, alone.result.offered_rate
    if model is None or measured_ms is None or not rate:
        return []
    without = predict(model, rate=rate, arrivals=bench.arrivals, share=0.5, requests=alone.result.requests)
    return [
        f"one replica's P50 at {rate:.0f}/s is {measured_ms:.3g} ms behind {bench.program.name}, "
        f"{without.estimate_ms:.3g} ms without by the simulation"
    ]


def _sharing(bench: Bench, behind: ReplicaModel, rate: float) -> list[str]:
    """Which cores are shared, in words, and how much that may matter."""
    shared = divide(bench.placement.server, bench.most).note
    if shared is None:
        return []
    busy = predict(behind, rate=rate / bench.most, arrivals=bench.arrivals, repetitions=1).utilization
    return [
        f"{shared}: what they take from each other is in no simulation; at {rate:g}/s each replica has work for "
        f"{busy:.0%} of the time"
    ]


def _why_not(run: Measured) -> str | None:
    """Why a run takes no part."""
    result = run.result
    if result.validity != "VALID":
        return f"INVALID: {result.reasons[0]}"
    # Even the figures of it that stand are not those of a model that knows no disturbances.
    disturbed = [
        f"{figure}: {result.missing[field]}" for figure, (field, _) in FIGURES.items() if field in result.disturbed
    ]
    return disturbed[0] if disturbed else None


def _named(run: Measured) -> str:
    """The run's folder, relative to the experiment's: below its ``validate``, a deployment, a program."""
    return str(run.folder.relative_to(run.folder.parents[3]))
