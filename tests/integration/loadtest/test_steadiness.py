"""A warm-up that ends when the load is steady: by the rule of windows, and without a trace in the measured window."""

import asyncio
import time
from pathlib import Path

import numpy as np
import pytest

import loadtest
from loadtest import records
from loadtest.arrivals import schedule
from loadtest.records import Records
from loadtest.scenario import Bursts, ClosedLoop, MultiStream, OpenLoop
from tests.integration.loadtest import misbehaving
from tests.integration.loadtest.engines import ITEMS, Engine, make_plan, running
from tests.integration.loadtest.test_null_server import null_server
from tests.performance.queues import steady_after

RATE = OpenLoop(rate=150)
SECOND = 1_000_000_000
TENSORS = ("--input", "x:float32:batch,4", "--output", "y:float32:batch,4")


def warms_up(base_ms: float, extra_ms: float, until_s: float) -> misbehaving.Behaviour:
    """Sleeps over each answer, for less and less until some seconds after the first."""
    began: list[float] = []

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes) -> bool:
        began.append(time.monotonic())
        left = max(0.0, 1 - (began[-1] - began[0]) / until_s)
        await asyncio.sleep((base_ms + extra_ms * left) / 1000)
        writer.write(misbehaving.answer(body))
        return True

    return answer


def window_of(found: Records) -> np.ndarray:
    """When requests were intended, from the window's start on."""
    return found.intended_ns[~found.warmup] - found.facts.window_start_ns


def warmup_s(found: Records) -> float:
    return (found.facts.window_start_ns - found.facts.load_start_ns) / SECOND


def by_rule(found: Records, *, open_loop: bool) -> int | str:
    start_ns = found.facts.load_start_ns
    return steady_after(
        found.intended_ns - start_ns, found.done_ns - start_ns, int(warmup_s(found)), open_loop=open_loop
    )


def test_the_window_is_the_same_whenever_the_warm_up_ends(tmp_path: Path):
    runs: list[Engine] = []
    for name in ("fast", "slow"):
        (tmp_path / name).mkdir()
    with (
        misbehaving.serve(warms_up(20, 0, 1)) as fast,
        misbehaving.serve(warms_up(20, 80, 8)) as slow,
        running(
            tmp_path / "fast", make_plan(tmp_path / "fast", fast, scenario=RATE, seed=7, steady_limit_s=60)
        ) as first,
        running(
            tmp_path / "slow", make_plan(tmp_path / "slow", slow, scenario=RATE, seed=7, steady_limit_s=60)
        ) as second,
    ):
        runs = [first, second]
        events = [(engine.event(), engine.event()) for engine in runs]
        early, late = (engine.records() for engine in runs)

    assert warmup_s(early) < warmup_s(late)
    for found, (started, window) in zip((early, late), events, strict=True):
        facts = found.facts
        assert facts.by_rule
        assert facts.unsteady is None
        assert facts.finished
        assert warmup_s(found) == pytest.approx(by_rule(found, open_loop=True), abs=0.5)
        assert facts.window_end_ns - facts.window_start_ns == SECOND
        assert 0 < facts.client_busy < 1
        # What was told of the window: as late as it can be, until it was known.
        assert started["window_start_ns"] > window["window_start_ns"] == facts.window_start_ns
        assert window["window_end_ns"] == facts.window_end_ns
        # The same arrivals with the same inputs, exactly as scheduled for this seed.
        assert np.array_equal(window_of(found), schedule(RATE, length_s=1, seed=7))
        assert np.array_equal(found.input_index[~found.warmup], np.arange(len(window_of(found))) % ITEMS)
        # And the load did not pause for the decision.
        offsets = found.intended_ns - facts.load_start_ns
        assert np.diff(offsets[found.warmup]).max() < SECOND / 4
        assert window_of(found)[0] + facts.window_start_ns - found.intended_ns[found.warmup].max() < SECOND / 4

    # The warm-ups have arrivals in common too, which are not those of the window.
    shared = min(np.count_nonzero(found.warmup) for found in (early, late))
    offsets = [found.intended_ns[:shared] - found.facts.load_start_ns for found in (early, late)]
    assert np.array_equal(*offsets)
    assert not np.array_equal(offsets[0][:100], window_of(early)[:100])


def test_a_load_that_does_not_get_steady_is_measured_and_says_so(tmp_path: Path):
    with misbehaving.serve(warms_up(20, 200, 12)) as url:
        plan = make_plan(tmp_path, url, scenario=RATE, steady_limit_s=7.5)
        with running(tmp_path, plan) as engine:
            found = engine.records()
    assert found.facts.by_rule
    assert found.facts.unsteady.startswith("not steady after 8 s: the median response time ")
    assert found.facts.unsteady == by_rule(found, open_loop=True)
    assert found.facts.finished
    assert np.array_equal(window_of(found), schedule(RATE, length_s=1, seed=0))


@pytest.mark.parametrize("scenario", [OpenLoop(rate=60), ClosedLoop(concurrency=3)])
def test_a_load_that_is_too_slow_for_its_limit_goes_on_until_it_can_be_judged(
    tmp_path: Path, scenario: OpenLoop | ClosedLoop
):
    told: list[float] = []
    with misbehaving.serve(warms_up(50, 0, 1)) as url:
        plan = make_plan(tmp_path, url, scenario=scenario, steady_limit_s=5)
        found = loadtest.run(plan, tmp_path, on_progress=told.append)
    assert found.facts.unsteady is None
    assert 8 < warmup_s(found) < 20, "500 answers at some 60 a second"
    assert found.facts.finished
    assert found.facts.window_end_ns - found.facts.window_start_ns == SECOND
    assert np.count_nonzero(found.intended_ns > found.facts.window_start_ns) > 30
    assert told[-1] > 0.7


def test_but_not_where_it_would_take_ten_times_as_long(tmp_path: Path):
    with misbehaving.serve(warms_up(50, 0, 1)) as url:
        plan = make_plan(tmp_path, url, scenario=OpenLoop(rate=5), steady_limit_s=5)
        found = loadtest.run(plan, tmp_path)
    assert found.facts.unsteady == "not steady after 5 s: 0 windows of 100 answers or more, needs 3"
    assert found.facts.finished


@pytest.mark.parametrize("scenario", [ClosedLoop(concurrency=3), MultiStream(samples=3)])
def test_clients_just_go_on(tmp_path: Path, scenario: ClosedLoop | MultiStream):
    told: list[float] = []
    with misbehaving.serve(warms_up(10, 0, 1)) as url:
        plan = make_plan(tmp_path, url, scenario=scenario, warmup_s=5.5, steady_limit_s=60)
        found = loadtest.run(plan, tmp_path, on_progress=told.append)
    assert found.facts.unsteady is None
    assert warmup_s(found) >= 5.5
    assert found.facts.finished
    assert found.facts.window_end_ns - found.facts.window_start_ns == SECOND
    assert found.intended_ns.max() < found.facts.window_end_ns
    assert np.diff(found.intended_ns).max() < SECOND / 4
    assert told == sorted(told)
    assert told[-1] > 0.7


def test_where_the_rate_changes_the_warm_up_is_by_time(tmp_path: Path):
    scenario = Bursts(on_rate=300, off_rate=30, on_s=0.1, off_s=0.1)
    with null_server(*TENSORS) as (url, _):
        plan = make_plan(tmp_path, url, scenario=scenario, warmup_s=0.5, duration_s=0.5, steady_limit_s=60)
        with running(tmp_path, plan) as engine:
            found = engine.records()
    assert not found.facts.by_rule
    assert warmup_s(found) == 0.5
    assert np.array_equal(found.intended_ns - found.facts.load_start_ns, schedule(scenario, length_s=1, seed=0))


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_a_run_that_ends_in_its_warm_up_has_no_window(tmp_path: Path, how: str):
    with null_server(*TENSORS) as (url, _):
        plan = make_plan(tmp_path, url, scenario=RATE, duration_s=60, steady_limit_s=30)
        with running(tmp_path, plan) as engine:
            engine.event()
            time.sleep(1)
            if how == "stopped":
                engine.tell(stop=True)
                found = engine.records()
                assert found.facts.unsteady.startswith("stopped after ")
            else:
                engine.process.kill()
                engine.process.wait()
                found = records.recover(tmp_path)
    assert not found.facts.finished
    assert found.warmup.all()
    assert len(found.warmup) > 50
    assert found.facts.window_start_ns == found.facts.window_end_ns
    assert 0 < found.intended_ns[0] - found.facts.load_start_ns < SECOND


def test_a_run_killed_in_its_window_keeps_it(tmp_path: Path):
    with misbehaving.serve(warms_up(20, 0, 1)) as url:
        plan = make_plan(tmp_path, url, scenario=RATE, duration_s=60, steady_limit_s=60)
        with running(tmp_path, plan) as engine:
            engine.event()
            window_start_ns = engine.event()["window_start_ns"]
            time.sleep(1)
            engine.process.kill()
            engine.process.wait()
    found = records.recover(tmp_path)
    assert found.facts.window_start_ns == window_start_ns
    assert 20 < np.count_nonzero(~found.warmup) < 500
    expected = schedule(RATE, length_s=60, seed=0)
    # Rows are written as requests end: the last ones may lack some that came before.
    assert np.array_equal(window_of(found)[:20], expected[:20])
