"""A plan of a real deployment: stopped, gone on with, and every figure of it in the folder."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from servers import Deployment
from tailbed.experiment import capacity
from tailbed.experiment.experiment import Experiment
from tailbed.experiment.order import Run
from tailbed.experiment.placement import place
from tailbed.experiment.schedule import Outcome
from tailbed.planning.chosen import suite_of
from tailbed.planning.demand import Demand, Price
from tailbed.planning.planner import Planner
from tailbed.report import write_report
from tailbed.results.decisions import CapacityPlan
from tailbed.results.folder import ExperimentFolder
from tailbed.slo import Slo
from tailbed.suite import Candidate, Suite
from tests.conftest import Exported

pytestmark = pytest.mark.timeout(600)


class Watching:
    """A listener that stops the experiment when the run of this number begins."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.stop_at = stop_at
        self.measured: list[str] = []

    def preparing(self, what: str) -> None:
        assert what

    def measuring(self, runs: Sequence[Run]) -> None:
        assert list(runs) == []

    def run_started(self, run: Run) -> Callable[[float], None]:
        if run.number == self.stop_at:
            raise KeyboardInterrupt
        return lambda _: None

    def run_ended(self, run: Run, outcome: Outcome) -> None:
        assert not isinstance(outcome, str), outcome
        self.measured.append(run.name)


@pytest.fixture
def suite() -> Suite:
    return suite_of(
        ["digits/onnx"],
        ["fastapi"],
        arrivals="poisson",
        runs=1,
        duration_s=1.0,
        warmup_s=0.5,
        steady_limit_s=None,
        attempts=1,
    )


def demand() -> Demand:
    return Demand(
        # The median: neither that nor this length tells anything on a machine that has others to serve.
        slo=Slo.parse("p50=5s"),
        rate=100.0,
        price=Price(per_h=0.34, currency="$"),
        runs=1,
        tolerance=0.5,
        pairs=(("digits/onnx/fp32", "fastapi"),),
    )


def test_a_stopped_plan_goes_on(
    digits: Exported, tmp_path: Path, suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capacity, "WARMUP_S", 0.3)
    monkeypatch.setattr(capacity, "WINDOW_S", 0.7)
    placement = place()
    folder = ExperimentFolder.create(tmp_path / "plan")
    candidates = [Candidate(Deployment(digits["onnx"], "fastapi", cores=placement.server))]

    def experiment() -> Experiment:
        return Experiment(suite, candidates, folder, placement)

    stopped = Watching(stop_at=4)
    with pytest.raises(KeyboardInterrupt):
        Planner(demand(), experiment()).measure(stopped)
    assert [name[:3] for name in stopped.measured] == ["001", "002", "003"]
    before = folder.read_summary()
    assert [cell.scenario for cell in before.cells] == ["closed x1", "closed x2", "closed x4"]
    assert not before.complete
    assert folder.read_decision(CapacityPlan) is None

    going_on, rest = experiment(), Watching()
    planner = Planner(demand(), going_on)
    going_on.resume()
    plan = planner.measure(rest)
    assert not set(rest.measured) & set(stopped.measured)
    assert rest.measured[0].startswith("004-")
    summary = folder.read_summary()
    assert summary.complete
    assert [cell.scenario for cell in summary.cells][:3] == ["closed x1", "closed x2", "closed x4"]
    assert len(summary.capacities) == 1
    assert {floor.scenario for floor in summary.calibration} >= {"closed x1", "poisson 100%"}
    assert folder.read_decision(CapacityPlan) == plan

    (one,) = plan.deployments
    assert one.points
    named = [name for point in one.points for name in point.runs] + (one.scalability.runs if one.scalability else [])
    named += [name for prediction in one.predictions for name in prediction.runs]
    for name in named:
        assert (folder.path / name / "records.parquet").exists()
        assert (folder.path / name / "result.json").exists()
    rates = {f"poisson {point.rate:g}/s" for point in one.points}
    assert rates == {cell.scenario for cell in summary.cells if cell.offered_rate is not None}
    if one.fleet:
        assert plan.answer.startswith("use onnx/fp32 on fastapi: ")
        assert {option.balancer for option in one.fleet} <= {"random", "round-robin", "least-outstanding"}
        assert all(option.cost_per_h == pytest.approx(0.34 * option.replicas) for option in one.fleet)
    assert write_report(folder).exists()

    again = Watching()
    whole = experiment()
    planner = Planner(demand(), whole)
    whole.resume()
    assert planner.measure(again).deployments == plan.deployments
    assert again.measured == []
