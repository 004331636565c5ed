"""A plan of a real deployment: stopped, gone on with, and every figure of it in the folder."""

import signal
import subprocess
import sys
import time
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
from tailbed.suite import Candidate, Suite, read_suite
from tests.conftest import Exported

pytestmark = pytest.mark.timeout(600)


TAILBED = (sys.executable, "-m", "tailbed")


def tailbed(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*TAILBED, *words], capture_output=True, text=True, timeout=500)


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

    demand().write(folder.path)
    done = tailbed("plan", "--resume", str(folder.path), "--json")
    assert done.returncode == 0, done.stderr
    assert CapacityPlan.model_validate_json(done.stdout) == plan
    told = " ".join(tailbed("report", str(folder.path)).stdout.split())
    assert " ".join(plan.answer.split()) in told
    assert "INCOMPLETE" not in told


@pytest.mark.parametrize(
    ("words", "runs", "duration_s", "tolerance"),
    [((), 3, 20, 0.05), (("--quick",), 1, 5, 0.1), (("--quick", "--runs", "2", "--tolerance", "20%"), 2, 5, 0.2)],
)
def test_an_interrupted_plan_keeps_what_was_asked(
    digits: Exported, tmp_path: Path, words: Sequence[str], runs: int, duration_s: float, tolerance: float
) -> None:
    ref, folder = digits["onnx"].ref, tmp_path / "plan"
    asked = (ref, "--slo", "p99=50ms", "--rate", "100", *words, "--out", str(folder))
    process = subprocess.Popen([*TAILBED, "plan", *asked], stderr=subprocess.PIPE, text=True)
    try:
        while process.poll() is None and not folder.joinpath("summary.json").exists():
            time.sleep(0.05)
    finally:
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in errors
    kept, summary = Demand.read(folder), ExperimentFolder(folder).read_summary()
    assert (kept.runs, kept.tolerance, kept.slo) == (runs, tolerance, Slo.parse("p99=50ms"))
    assert read_suite(str(folder / "suite.yaml")).duration_s == duration_s
    assert (summary.complete, summary.planned_cells) == (False, None)
    assert "INCOMPLETE: 0 runs" in tailbed("report", str(folder)).stdout
