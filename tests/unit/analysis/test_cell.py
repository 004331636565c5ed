"""A cell over its runs: which runs count, and what becomes of their figures."""

import numpy as np
import pytest

from tailbed.analysis.cell import combine
from tailbed.analysis.intervals import Interval, run_interval
from tailbed.results.schema import Resources, RunResult
from tests.unit.experiment.results import make_run


def test_a_single_run_is_the_cell() -> None:
    run = make_run(p99_ms=3.5)
    cell = combine([run], blocks=1)
    assert cell.model_dump(exclude={"intervals", "runs"}) == run.model_dump(exclude={"block", "finished", "attempt"})
    assert cell.intervals == {}


def test_figures_are_over_the_valid_runs() -> None:
    times = [2.0, 4.0, 8.0, 2.0, 4.0, 8.0]
    runs = [make_run(block, p99_ms=time) for block, time in enumerate(times, start=1)]
    broken = make_run(7, p99_ms=1000.0, validity="INVALID", reasons=["client late"], requests=5)
    cell = combine([*runs, broken], blocks=7)
    assert cell.validity == "VALID"
    assert cell.p99_ms == pytest.approx(4.0), "the geometric mean, without the INVALID run"
    assert cell.reasons == ["block 7: client late"]
    assert cell.requests == sum(run.requests for run in runs) + 5, "no request vanishes"
    assert len(cell.runs) == 7
    quoted = cell.intervals["p99_ms"]
    expected = run_interval(np.array(times))
    assert isinstance(expected, Interval)
    assert (quoted.low, quoted.high, quoted.runs) == (expected.low, expected.high, 6)


def test_too_few_valid_runs_make_the_cell_invalid() -> None:
    runs = [make_run(block) for block in range(1, 6)]
    runs += [make_run(block, validity="INVALID", reasons=["client late"]) for block in (6, 7, 8)]
    cell = combine(runs, blocks=8)
    assert cell.validity == "INVALID"
    assert cell.intervals == {}
    assert len(cell.reasons) == 3


def test_a_cell_without_a_valid_run_still_shows_what_was_measured() -> None:
    runs = [make_run(block, validity="INVALID", reasons=["client late"], p50_ms=2.0) for block in (1, 2)]
    cell = combine(runs, blocks=2)
    assert cell.validity == "INVALID"
    assert cell.p50_ms == pytest.approx(2.0)


def test_a_figure_that_one_run_lacks_is_not_made_up() -> None:
    runs = [make_run(1, p99_ms=3.0), make_run(2, p99_ms=None, missing={"p99_ms": "insufficient: 5 requests"})]
    cell = combine(runs, blocks=2)
    assert cell.p99_ms is None
    assert cell.missing["p99_ms"] == "insufficient: 5 requests"


def test_missing_blocks_are_told() -> None:
    assert combine([make_run(1), make_run(2)], blocks=3).reasons == ["2 of 3 blocks measured"]


def test_the_run_to_show_is_the_median_one() -> None:
    cell = combine([make_run(block, p99_ms=time) for block, time in ((1, 9.0), (2, 1.0), (3, 5.0))], blocks=3)
    assert cell.run == "runs/003"


def disturbed(block: int) -> RunResult:
    reason = "disturbed: the client's core was taken away for 80.0 ms in 9 gaps; as measured, 57 ms"
    return make_run(block, p99_ms=None, missing={"p99_ms": reason}, disturbed=["p99_ms"])


def test_a_disturbed_percentile_is_left_out_and_the_run_counts_otherwise() -> None:
    runs = [make_run(block, p50_ms=1.0, p99_ms=4.0) for block in range(1, 7)]
    cell = combine([*runs, disturbed(7), disturbed(8)], blocks=8)
    assert cell.validity == "VALID"
    assert cell.p99_ms == pytest.approx(4.0)
    assert cell.intervals["p99_ms"].runs == 6
    assert cell.intervals["p50_ms"].runs == 8, "the median stands in all of them"
    assert [reason.partition(":")[0] for reason in cell.reasons] == ["block 7", "block 8"]


def test_too_few_undisturbed_runs_leave_no_percentile() -> None:
    cell = combine([*(make_run(block) for block in range(1, 6)), disturbed(6), disturbed(7), disturbed(8)], blocks=8)
    assert cell.validity == "VALID"
    assert cell.p99_ms is None
    assert cell.missing["p99_ms"].startswith("in 3 of 8 runs: disturbed: ")
    assert cell.disturbed == ["p99_ms"]
    assert cell.p50_ms is not None


def test_resources_are_the_median_of_each() -> None:
    used = [Resources(cpu_s=cpu, threads=threads) for cpu, threads in ((1.0, 3), (2.0, 4), (9.0, 4))]
    cell = combine([make_run(block, resources=one) for block, one in enumerate(used, start=1)], blocks=3)
    assert cell.resources == Resources(cpu_s=2.0, threads=4)
