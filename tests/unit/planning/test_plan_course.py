"""What a plan measures, run by run: on queues whose response times are known."""

import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from loadtest.scenario import ClosedLoop, OpenLoop
from servers import Deployment, Settings
from tailbed.experiment.order import Run
from tailbed.experiment.schedule import Outcome, follow
from tailbed.planning.course import CLOSED_S, LONGEST_S, Findings, PlanSchedule
from tailbed.planning.demand import Demand
from tailbed.results.schema import RunResult
from tailbed.slo import Slo
from tailbed.suite import Candidate
from tests.unit.experiment.results import make_run

CAPACITY = 1000.0
SCATTER = 0.05


def candidate(ref: str = "digits/onnx/fp32", settings: Settings | None = None) -> Candidate:
    artifact: Any = SimpleNamespace(ref=ref, manifest=SimpleNamespace(model="digits"))
    return Candidate(Deployment(artifact, "fastapi", settings or Settings()))


def found_before(capacities: dict[str, float] | None = None, null: float = 100_000.0) -> Any:
    known = {"digits/onnx/fp32": CAPACITY} if capacities is None else capacities
    return SimpleNamespace(
        calibration=[SimpleNamespace(model="digits", protocol="oip-http", capacity=null)],
        capacity_of=lambda one: SimpleNamespace(per_s=known[one.artifact.ref]) if one.artifact.ref in known else None,
    )


def demand(**fields: Any) -> Demand:
    given: dict[str, Any] = {"slo": Slo.parse("p99=50ms"), "rate": 2000.0, "runs": 2, "pairs": ()}
    return Demand(**given | fields)


def mm1(run: Run, capacity: float = CAPACITY, seed: int = 1) -> RunResult:
    """A run of an M/M/1 queue: P99 is ln(100) / (mu - lambda), here with a scatter of some percent."""
    name = {"run": f"runs/{run.name}", "block": run.block}
    if isinstance(run.scenario, ClosedLoop):
        per_s = capacity * min(1.0, 0.5 * run.scenario.concurrency)
        p99_ms = 1e3 * math.log(100) / capacity
        made = make_run(scenario=run.scenario.label, p99_ms=p99_ms, throughput=per_s, client_busy=0.1)
        return made.model_copy(update=name)
    assert isinstance(run.scenario, OpenLoop)
    rate = run.scenario.rate
    if rate >= capacity:
        made = make_run(validity="INVALID", held_rate=capacity, p99_ms=None, reasons=["saturated: holds 1,000/s"])
        return made.model_copy(update=name)
    noise = np.random.default_rng((seed, run.number)).normal(0, SCATTER)
    p99_ms = 1e3 * math.log(100) / (capacity - rate) * math.exp(noise)
    return make_run(p99_ms=p99_ms, throughput=rate, scenario=run.scenario.label).model_copy(update=name)


def followed(
    asked: Demand,
    outcome_of: Callable[[Run], Outcome | None] = mm1,
    candidates: list[Candidate] | None = None,
    before: Any = None,
    duration_s: float = 20.0,
) -> tuple[list[Findings], list[Run]]:
    """What is found, and the runs that were made."""
    schedule = PlanSchedule(asked, duration_s, candidates or [candidate()])
    made: list[Run] = []

    def measure(run: Run) -> Outcome | None:
        made.append(run)
        assert len(made) < 500
        return outcome_of(run)

    follow(schedule.course(before or found_before()), measure)
    return schedule.findings, made


@pytest.mark.parametrize("seed", range(10))
def test_the_found_rate_is_near_the_true_edge(seed: int) -> None:
    edge = CAPACITY - 1e3 * math.log(100) / 50
    (found,), _ = followed(demand(), lambda run: mm1(run, seed=seed))
    assert found.highest is not None
    assert found.highest.per_s is not None
    assert found.highest.high is not None
    # A scatter of 5% of P99 is one of 0.5% of the rate here, and the tolerance is 5%.
    assert found.highest.per_s == pytest.approx(edge, rel=0.08)
    assert found.highest.per_s < edge * 1.02
    assert found.highest.high > edge * 0.98
    held = [point for point in found.points if point.rate == found.highest.per_s]
    assert held[0].held
    assert len(held[0].runs) == 2


def test_every_part_is_measured_and_named() -> None:
    (found,), made = followed(demand(sweep=True))
    assert found.highest is not None
    assert found.highest.per_s is not None
    highest = found.highest.per_s
    assert sorted(found.closed) == [1, 2, 4, 8, 16, 32]
    by_role = {role: [point for point in found.points if point.role == role] for role in ("model", "held-out", "sweep")}
    assert [point.rate / highest for point in by_role["model"]] == pytest.approx([0.3, 0.5], rel=0.01)
    assert [point.rate / highest for point in by_role["held-out"]] == pytest.approx([0.7], rel=0.01)
    assert len(by_role["held-out"][0].runs) == 2
    assert len(by_role["sweep"]) == 9
    assert [run.number for run in made] == list(range(1, len(made) + 1))
    assert len({run.name for run in made}) == len(made)
    cells: dict[int, list[Run]] = {}
    for run in made:
        cells.setdefault(run.place, []).append(run)
    for runs in cells.values():
        assert len({run.scenario.label for run in runs}) == 1
        assert [run.block for run in runs] == list(range(1, len(runs) + 1))
    assert {name for point in found.points for name in point.runs} <= set(found.results)


def test_the_same_outcomes_give_the_same_runs_and_a_missing_one_ends_them() -> None:
    _, whole = followed(demand())
    _, again = followed(demand())
    assert [run.name for run in again] == [run.name for run in whole]
    _, cut = followed(demand(), lambda run: mm1(run) if run.number < 9 else None)
    assert [run.name for run in cut] == [run.name for run in whole[:9]]


def test_deployments_take_turns() -> None:
    two = [candidate(), candidate("digits/onnx/int8-static")]
    before = found_before({one.artifact.ref: CAPACITY for one in two})
    findings, made = followed(demand(), candidates=two, before=before)
    assert [run.candidate.artifact.ref for run in made[:4]] == [one.artifact.ref for one in [*two, *two]]
    assert all(found.highest and found.highest.per_s for found in findings)


def test_an_objective_that_an_idle_replica_breaks_is_not_searched() -> None:
    (found,), made = followed(demand(slo=Slo.parse("p99=4ms")))
    assert found.highest is not None
    assert (found.highest.per_s, found.highest.limited_by) == (None, "objective")
    assert "with one client at a time P99 is 4.61 ms already" in found.highest.reason
    assert not any(isinstance(run.scenario, OpenLoop) for run in made)
    assert sum(run.scenario.label == "closed x1" for run in made) == 2


def test_one_slow_idle_run_does_not_end_the_plan() -> None:
    def outcome(run: Run) -> RunResult:
        made = mm1(run)
        return made.model_copy(update={"p99_ms": 90.0}) if run.number == 1 else made

    (found,), _ = followed(demand(), outcome)
    assert found.highest is not None
    assert found.highest.per_s is not None


def test_a_server_that_waits_for_batches_is_searched_whatever_it_takes_when_idle() -> None:
    batching = candidate(settings=Settings(max_batch=8, max_delay_us=5000))
    _, made = followed(demand(slo=Slo.parse("p99=4ms")), candidates=[batching])
    assert any(isinstance(run.scenario, OpenLoop) for run in made)


def test_no_rate_is_above_half_of_the_null_capacity() -> None:
    (found,), made = followed(demand(sweep=True), before=found_before(null=1000.0))
    assert found.highest is not None
    assert (found.highest.per_s, found.highest.limited_by) == (500.0, "client")
    assert max(run.scenario.rate for run in made if isinstance(run.scenario, OpenLoop)) == 500.0


def test_a_deployment_without_a_capacity_is_passed_over() -> None:
    two = [candidate("digits/onnx/int8-static"), candidate()]
    findings, _ = followed(demand(), candidates=two)
    assert findings[0].highest is not None
    assert "its capacity is not known" in findings[0].highest.reason
    assert findings[1].highest is not None
    assert findings[1].highest.per_s is not None


def test_more_clients_are_tried_while_they_bring_more() -> None:
    def growing(run: Run) -> RunResult:
        made = mm1(run)
        if isinstance(run.scenario, ClosedLoop):
            return made.model_copy(update={"throughput": 30.0 * run.scenario.concurrency})
        return made

    (found,), _ = followed(demand(), growing)
    assert sorted(found.closed) == [1, 2, 4, 8, 16, 32, 64]


def test_windows_are_as_long_as_the_percentile_needs() -> None:
    slow = found_before({"digits/onnx/fp32": 10.0})
    _, made = followed(demand(slo=Slo.parse("p99=2s")), lambda run: mm1(run, 10.0), before=slow, duration_s=2.0)
    for run in made:
        assert run.duration_s is not None
        if isinstance(run.scenario, OpenLoop):
            assert run.duration_s == LONGEST_S or run.duration_s * run.scenario.rate >= 662
        else:
            assert run.duration_s == 2.0
    _, made = followed(demand())
    assert {run.duration_s for run in made if run.scenario.label == "closed x1"} == {20.0}
    assert {run.duration_s for run in made if run.scenario.label == "closed x8"} == {CLOSED_S}


def test_a_server_that_never_starts_is_given_up() -> None:
    (found,), made = followed(demand(), lambda _: "the server did not start")
    assert found.highest is not None
    assert "none of its closed loops could be measured" in found.highest.reason
    assert len(made) == 6


def test_runs_that_fail_now_and_then_are_made_again() -> None:
    (found,), _ = followed(demand(), lambda run: mm1(run) if run.number % 5 else "the server did not start")
    assert found.highest is not None
    assert found.highest.per_s == pytest.approx(CAPACITY - 1e3 * math.log(100) / 50, rel=0.08)
