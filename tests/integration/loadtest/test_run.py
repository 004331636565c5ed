"""``loadtest.run``: whatever happens on the way, the caller gets the records or one line, and no process is left."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest

import loadtest
from loadtest import LoadError, records
from loadtest.driver import run
from loadtest.records import Outcome
from loadtest.scenario import OpenLoop
from tests.integration.loadtest.engines import assert_one_row_each, command_of, make_plan
from tests.integration.loadtest.test_null_server import null_server

RATE = OpenLoop(rate=300)


def kill(part: str) -> Callable[[float], None]:
    """Kills, once a good part of the run is over, our descendant whose command line has ``part``."""

    def when(share: float) -> None:
        if share > 0.5:
            for process in psutil.Process().children(recursive=True):
                if command_of(process)[1:3] == ["-m", part]:
                    os.kill(process.pid, signal.SIGKILL)

    return when


def drivers() -> list[psutil.Process]:
    """Our Locust processes."""
    return [
        process for process in psutil.Process().children(recursive=True) if command_of(process)[1:3] == ["-m", "locust"]
    ]


def test_a_run_gives_the_records_and_tells_how_far_it_is(tmp_path: Path):
    told: list[float] = []
    with null_server() as (url, _):
        plan = make_plan(tmp_path, url, scenario=RATE, warmup_s=0.5)
        found = loadtest.run(plan, tmp_path, on_progress=told.append)
    assert_one_row_each(found, RATE, 1.5)
    assert found.facts.finished
    assert (found.outcome == Outcome.OK).all()
    assert told == sorted(told)
    assert 0 <= told[0] < 0.3
    assert 0.7 < told[-1] <= 1
    assert {file.name for file in tmp_path.iterdir()} == {"plan.json", "pool.npz", "load.log", "records.parquet"}


def test_a_second_run_in_a_folder_does_not_take_the_first_ones_records_for_its_own(tmp_path: Path):
    with null_server() as (url, _):
        plan = make_plan(tmp_path, url, scenario=RATE)
        loadtest.run(plan, tmp_path)
        (tmp_path / "pool.npz").unlink()
        with pytest.raises(LoadError):
            loadtest.run(plan, tmp_path)


def test_an_interrupted_run_keeps_what_it_measured(tmp_path: Path):
    def interrupt(share: float) -> None:
        if share > 0.05:
            raise KeyboardInterrupt

    with null_server() as (url, _):
        plan = make_plan(tmp_path, url, scenario=RATE, duration_s=20)
        with pytest.raises(KeyboardInterrupt):
            loadtest.run(plan, tmp_path, on_progress=interrupt)
    found = records.read(tmp_path / records.NAME)
    assert not found.facts.finished
    assert found.facts.client_busy is not None  # it was stopped in order, not killed
    assert len(found.outcome) > 200
    assert (found.outcome == Outcome.OK).all()


@pytest.mark.parametrize("part", ["loadtest.engine", "locust"])
def test_a_run_whose_engine_or_driver_is_killed_keeps_what_it_measured(tmp_path: Path, part: str):
    with null_server() as (url, _):
        plan = make_plan(tmp_path, url, scenario=RATE, duration_s=3)
        found = loadtest.run(plan, tmp_path, on_progress=kill(part))
    assert not found.facts.finished
    assert len(found.outcome) > 200
    assert np.array_equal(found.intended_ns, records.read(tmp_path / records.NAME).intended_ns)


def test_a_server_that_is_not_there_is_a_run_of_failures(tmp_path: Path):
    found = loadtest.run(make_plan(tmp_path, "http://127.0.0.1:1", scenario=RATE), tmp_path)
    assert_one_row_each(found, RATE, 1)
    assert (found.outcome == Outcome.REFUSED).all()


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"core": 4000}, "nothing was measured: core 4000: not one that this process may use"),
        ({"pool": Path("nowhere.npz")}, "nothing was measured: nowhere.npz: no such file"),
        ({"scenario": OpenLoop(rate=1e6), "duration_s": 86_400}, r"poisson 1e\+06/s: 8.64e\+10 arrivals in 86400 s"),
        ({"scenario": OpenLoop(rate=1e-6)}, "no request falls into the run: poisson 1e-06/s for 1 s$"),
    ],
)
def test_a_run_that_measured_nothing_says_why_in_one_line(tmp_path: Path, fields: dict[str, object], reason: str):
    plan = make_plan(tmp_path, "http://127.0.0.1:1", scenario=RATE).model_copy(update=fields)
    with pytest.raises(LoadError, match=reason) as caught:
        loadtest.run(plan, tmp_path)
    assert "\n" not in str(caught.value)


def test_a_disk_that_is_full_at_the_end_is_one_line_and_not_a_run_without_end(tmp_path: Path):
    (tmp_path / f"{records.NAME}.part").mkdir()  # what the records are written to cannot be opened
    with pytest.raises(records.NotWrittenError, match="cannot be written") as caught:
        loadtest.run(make_plan(tmp_path, "http://127.0.0.1:1", scenario=RATE), tmp_path)
    assert "\n" not in str(caught.value)
    (tmp_path / f"{records.NAME}.part").rmdir()
    assert len(records.recover(tmp_path).outcome) > 200


def test_a_driver_that_hangs_is_stopped_and_what_it_measured_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    hung: list[psutil.Process] = []

    def hang(_: float) -> None:
        if not hung:
            hung.extend(drivers())
            hung[0].suspend()

    monkeypatch.setattr(run, "_MARGIN_S", 1.0)
    monkeypatch.setattr(run, "_STOP_GRACE_S", 0.5)
    plan = make_plan(tmp_path, "http://127.0.0.1:1", scenario=RATE, timeout_s=1)
    assert_one_row_each(loadtest.run(plan, tmp_path, on_progress=hang), RATE, 1)


def test_the_driver_stays_on_the_engines_core(tmp_path: Path):
    core = max(os.sched_getaffinity(0))
    seen: list[set[int]] = []

    def look(_: float) -> None:
        seen.extend(os.sched_getaffinity(process.pid) for process in drivers())

    found = loadtest.run(
        make_plan(tmp_path, "http://127.0.0.1:1", scenario=RATE, core=core), tmp_path, on_progress=look
    )
    assert_one_row_each(found, RATE, 1)
    assert seen
    assert all(cores == {core} for cores in seen)
