"""Fixed and adaptive schedules share the experiment: what is there is taken over, what is missing is measured."""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from loadtest.scenario import ClosedLoop, OpenLoop
from models import TailbedError
from servers import Deployment
from tailbed.experiment import experiment as module
from tailbed.experiment.experiment import Experiment
from tailbed.experiment.order import Run
from tailbed.experiment.placement import Placement
from tailbed.experiment.preparation import Preparation
from tailbed.experiment.schedule import Course
from tailbed.results.folder import ExperimentFolder
from tailbed.results.schema import RunResult
from tailbed.suite import Candidate, Suite
from tests.unit.experiment.results import make_run

SUITE = Suite.model_validate(
    {
        "name": "s",
        "models": ["digits"],
        "formats": ["onnx"],
        "stacks": ["fastapi"],
        "scenarios": [ClosedLoop(), OpenLoop(rate=200)],
        "blocks": 3,
    }
)
MANIFEST = SimpleNamespace(
    model="digits",
    export="onnx",
    precision="fp32",
    framework="torch",
    runtime="onnxruntime",
    size_bytes=1,
    export_seconds=None,
    accuracy=None,
    parity=None,
    weights_origin="trained here",
)


class Silent:
    """A listener that is told nothing of interest."""

    def preparing(self, what: str) -> None:
        pass

    def measuring(self, runs: Sequence[Run]) -> None:
        self.planned = len(runs)

    def run_started(self, _: Run) -> Any:
        return lambda _: None

    def run_ended(self, run: Run, outcome: RunResult | str) -> None:
        pass


class Doubling:
    """Rates that double until the run is INVALID: what comes next follows from what was measured."""

    planned: Sequence[Run] = ()

    def __init__(self, candidate: Candidate) -> None:
        self._candidate = candidate

    def course(self, _: Preparation) -> Course:
        rate, number = 100.0, 1
        while True:
            outcome = yield Run(number, 1, number, self._candidate, OpenLoop(rate=rate), duration_s=3.0)
            if not isinstance(outcome, RunResult) or outcome.validity == "INVALID":
                return
            rate, number = 2 * rate, number + 1

    def runs_of_cell(self, measured: int) -> int:
        return measured


class Machine:
    """Measures what it is asked, but for runs that fail or are stopped."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr(module, "execute", self.execute)
        monkeypatch.setattr(module, "describe_environment", lambda _: {})
        monkeypatch.setattr(Preparation, "steps", lambda _: iter(()))
        self.folder = ExperimentFolder(tmp_path)
        self.measured: list[int] = []
        self.failing: set[int] = set()
        self.stop_at: int | None = None

    def execute(self, run: Run, _: Any, suite: Any, folder: Path, *_rest: Any) -> RunResult:
        if run.number == self.stop_at:
            raise KeyboardInterrupt
        if run.number in self.failing:
            raise TailbedError("the server did not start")
        folder.mkdir(parents=True)
        self.measured.append(run.number)
        fields: dict[str, Any] = {"scenario": run.scenario.label, "duration_s": run.duration_s or suite.duration_s}
        if isinstance(run.scenario, OpenLoop) and run.scenario.rate > 400:
            fields |= {"validity": "INVALID", "reasons": ["saturated"]}
        return make_run(run.block, **fields)

    def experiment(self) -> Experiment:
        artifact: Any = SimpleNamespace(ref="digits/onnx/fp32", manifest=MANIFEST)
        candidate = Candidate(Deployment(artifact, "fastapi"), computed_by="onnxruntime")
        return Experiment(SUITE, [candidate], self.folder, Placement(None, None))


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Machine:
    return Machine(monkeypatch, tmp_path)


def test_a_fixed_schedule_goes_on_with_what_is_missing_wherever_that_is(machine: Machine) -> None:
    machine.failing, machine.stop_at = {2}, 5
    with pytest.raises(KeyboardInterrupt):
        machine.experiment().measure(Silent())
    assert machine.measured == [1, 3, 4]
    going_on = machine.experiment()
    going_on.resume()
    assert sum(len(cell.runs) for cell in going_on.summary().cells) == 3
    machine.measured, machine.failing, machine.stop_at = [], set(), None
    listener = Silent()
    summary = going_on.measure(listener)
    assert machine.measured == [2, 5, 6]
    assert listener.planned == 6
    assert summary.complete
    assert (summary.planned_cells, summary.blocks) == (2, 3)
    assert [[run.block for run in cell.runs] for cell in summary.cells] == [[1, 2, 3], [1, 2, 3]]
    assert [cell.scenario for cell in summary.cells] == ["closed x1", "poisson 200/s"]


def adaptive(machine: Machine) -> Experiment:
    experiment = machine.experiment()
    experiment.schedule = Doubling(experiment.candidates[0])
    return experiment


def test_an_adaptive_schedule_decides_as_before_and_goes_on(machine: Machine) -> None:
    machine.stop_at = 3
    with pytest.raises(KeyboardInterrupt):
        adaptive(machine).measure(Silent())
    assert [cell.scenario for cell in machine.folder.read_summary().cells] == ["poisson 100/s", "poisson 200/s"]
    machine.measured, machine.stop_at = [], None
    going_on = adaptive(machine)
    going_on.resume()
    assert len(going_on.summary().cells) == 2
    listener = Silent()
    summary = going_on.measure(listener)
    assert (machine.measured, listener.planned) == ([3, 4], 0)
    assert [cell.scenario for cell in summary.cells] == [f"poisson {rate}/s" for rate in (100, 200, 400, 800)]
    assert summary.complete
    assert summary.planned_cells is None
    assert {cell.duration_s for cell in summary.cells} == {3.0}
    machine.measured = []
    again = adaptive(machine)
    again.resume()
    assert again.measure(Silent()).cells == summary.cells
    assert machine.measured == []


def test_what_another_block_left_is_not_taken_for_a_run(machine: Machine) -> None:
    """Where a run that failed goes well the second time, those after it may be of other blocks."""
    adaptive(machine).measure(Silent())
    (run,) = (path for path in (machine.folder.path / "runs").iterdir() if path.name.startswith("002"))
    other = machine.folder.read_result(run.name)
    assert other is not None
    machine.folder.write_result(run.name, other.model_copy(update={"block": 2}))
    machine.measured = []
    again = adaptive(machine)
    again.resume()
    again.measure(Silent())
    assert machine.measured == [2]
    assert (run.with_name(f"{run.name}.stopped-1") / "result.json").exists()
