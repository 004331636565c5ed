"""The model of a replica is made of the right runs, and predicts a rate that it was not made with."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from loadtest import records
from loadtest.records import EngineFacts, Records
from servers import Deployment
from tailbed.analysis.percentiles import percentile
from tailbed.experiment import sampling
from tailbed.planning.acceptance import judge_rate, load_point
from tailbed.planning.assembly import assemble
from tailbed.planning.course import Findings
from tailbed.planning.demand import Demand, Price
from tailbed.planning.modelling import NoModelError, model_fleet, replica_of
from tailbed.results.decisions import HighestRate, Role
from tailbed.results.schema import RunResult
from tailbed.slo import Slo
from tailbed.suite import Candidate
from tests.unit.experiment.results import make_run

SERVICE_S = 0.002
SLO = Slo.parse("p99=20ms")
HIGHEST = HighestRate(per_s=400.0, low=400.0, high=420.0, limited_by="objective", reason="holds 400/s")


def queue(rate: float, seed: int, seconds: float = 30.0) -> Records:
    """Poisson arrivals at a server that takes exponential times of ``SERVICE_S`` on average, one request at a time."""
    rng = np.random.default_rng(seed)
    arrivals = np.cumsum(rng.exponential(1 / rate, round(rate * seconds)))
    service = rng.exponential(SERVICE_S, len(arrivals))
    done = np.empty_like(arrivals)
    last = 0.0
    for place, (arrival, took) in enumerate(zip(arrivals, service, strict=True)):
        done[place] = last = max(arrival, last) + took
    intended_ns, done_ns = (np.round(1e9 * (1 + times)).astype(np.int64) for times in (arrivals, done))
    facts = EngineFacts(
        load_start_ns=1_000_000_000,
        window_start_ns=1_000_000_000,
        window_end_ns=int(intended_ns[-1]),
        finished=True,
        client_busy=0.1,
        spinning=True,
        cap_hits=0,
        checked=0,
        wrong=0,
        first_wrong=None,
    )
    nothing = np.zeros(len(arrivals), dtype=np.int32)
    return Records(
        intended_ns=intended_ns,
        sent_ns=intended_ns,
        done_ns=done_ns,
        outcome=nothing,
        input_index=nothing,
        warmup=nothing.astype(bool),
        correct=nothing.astype(np.int8) - 1,
        facts=facts,
    )


def measured(found: Findings, folder: Path, rate: float, role: Role, **fields: Any) -> RunResult:
    """Measure a run at a rate, with its records in the folder."""
    name = f"runs/{len(found.results) + 1:03d}"
    one = queue(rate, len(found.results))
    (folder / name).mkdir(parents=True)
    records.write(folder / name / records.NAME, one)
    response_ms = (one.done_ns - one.intended_ns) / 1e6
    figures = {"p50_ms": percentile(response_ms, 0.5), "p99_ms": percentile(response_ms, 0.99)}
    result = make_run(**figures | {"requests": len(response_ms)} | fields).model_copy(update={"run": name})
    found.results[name] = result
    verdict = judge_rate([result] * 3, SLO, 1)
    assert verdict is not None
    found.points.append(load_point(rate, [result], verdict, SLO, role))
    return result


def read_speed(folder: Path, run: RunResult, work_ns: int) -> None:
    """Say that a fixed piece of work took so long on the server's core in all of a run."""
    count = 30
    samples = sampling.Samples(
        time_ns=(1 + np.arange(count)) * 10**9,
        name=np.full(count, "work_ns"),
        subject=np.full(count, "cpu1"),
        value=np.full(count, work_ns),
    )
    assert run.run is not None
    sampling.write(folder / run.run / sampling.NAME, samples)


def findings() -> Findings:
    manifest = SimpleNamespace(model="digits", export="onnx", precision="fp32")
    artifact: Any = SimpleNamespace(ref="digits/onnx/fp32", manifest=manifest)
    return Findings(Candidate(Deployment(artifact, "fastapi"), computed_by="onnxruntime"), highest=HIGHEST)


def demand(**fields: Any) -> Demand:
    given: dict[str, Any] = {"slo": SLO, "rate": 900.0, "price": Price(per_h=0.5), "headroom": 0.25, "pairs": ()}
    return Demand(**given | fields)


def test_a_held_out_rate_is_predicted_and_a_fleet_sized(tmp_path: Path) -> None:
    found = findings()
    for rate, role in ((400.0, "search"), (120.0, "model"), (200.0, "model"), (280.0, "held-out")):
        measured(found, tmp_path, rate, role)  # type: ignore[arg-type]  # mypy makes a str of it
    modelled = model_fleet(found, demand(), tmp_path)
    assert [(one.figure, one.rate, one.replicas) for one in modelled.predictions] == [
        ("P50", 280.0, 1),
        ("P99", 280.0, 1),
    ]
    for one in modelled.predictions:
        assert one.error == pytest.approx(one.predicted_ms / one.measured_ms - 1)
        assert abs(one.error) < 0.25  # a run's P99 of 8,400 requests of this queue scatters by a tenth
        assert one.runs == ["runs/004"]
    # 300/s each at most, with a quarter kept free: three for 900/s. Behind a balancer that chooses at random each is an
    # M/M/1 queue, whose P99 is ln(100) / (500 - rate): 23 ms at 300/s, 17 ms at 225/s.
    options = {option.balancer: option for option in modelled.fleet}
    assert options["random"].replicas == 4
    assert options["random"].predicted_ms == pytest.approx(16.7, rel=0.15)
    assert options["least-outstanding"].replicas == 3
    assert options["least-outstanding"].cost_per_h == 1.5
    assert options["least-outstanding"].utilization == pytest.approx(0.6, abs=0.05)
    plan = assemble(demand(), [found], tmp_path, lambda _: None)
    assert plan.answer.startswith("use onnx/fp32 on fastapi: 3 replicas hold 900/s with P99 within 20 ms at ")
    assert plan.answer.endswith("% utilization for 1.50/h")


def test_what_is_near_the_held_out_rate_or_not_to_be_believed_is_no_part_of_the_model(tmp_path: Path) -> None:
    found = findings()
    measured(found, tmp_path, 120.0, "model")
    measured(found, tmp_path, 290.0, "search")
    measured(found, tmp_path, 350.0, "search", validity="INVALID", reasons=["client late"])
    measured(found, tmp_path, 360.0, "search", disturbed=["p99_ms"])
    measured(found, tmp_path, 280.0, "held-out")
    assert [level.rate for level in replica_of(found, tmp_path)[0].levels] == pytest.approx([120.0], rel=0.05)


def test_how_slow_the_cores_were_is_known_of_all_runs_or_of_none(tmp_path: Path) -> None:
    found = findings()
    runs = [measured(found, tmp_path, 120.0, "model"), measured(found, tmp_path, 280.0, "held-out")]
    model, cores = replica_of(found, tmp_path)
    assert (cores, model.cores) == ({}, ())
    for run, work_ns in zip(runs, (7_500, 12_000), strict=True):
        assert replica_of(found, tmp_path)[1] == {}
        read_speed(tmp_path, run, work_ns)
    model, cores = replica_of(found, tmp_path)
    slowness = {run: each.factor.mean() for run, each in cores.items()}
    assert slowness == pytest.approx({"runs/001": 1.0, "runs/002": 1.6})
    assert model.cores == (cores["runs/001"],)
    assert len(model_fleet(found, demand(), tmp_path).predictions) == 2


def test_an_invalid_run_is_nothing_to_predict(tmp_path: Path) -> None:
    found = findings()
    measured(found, tmp_path, 120.0, "model")
    measured(found, tmp_path, 280.0, "held-out", validity="INVALID", reasons=["client late"])
    plan = assemble(demand(), [found], tmp_path, lambda _: None)
    assert plan.deployments[0].predictions == []
    assert any("the held-out rate 280/s checks nothing" in note for note in plan.notes)


def test_runs_that_make_no_model_are_said_to(tmp_path: Path) -> None:
    found = findings()
    measured(found, tmp_path, 280.0, "held-out")
    with pytest.raises(NoModelError, match="none of its runs"):
        replica_of(found, tmp_path)
    plan = assemble(demand(), [found], tmp_path, lambda _: None)
    assert "no fleet could be simulated: none of its runs" in plan.answer
    assert plan.deployments[0].replicas is None
