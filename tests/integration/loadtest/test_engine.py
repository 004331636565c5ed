"""The engine's process against good and bad servers: nothing that was to be sent is ever missing."""

import os
import signal
import socket
import time
from pathlib import Path

import numpy as np
import pytest

from loadtest import records
from loadtest.plan import AnswerCheck
from loadtest.records import Outcome
from loadtest.scenario import ClosedLoop, OpenLoop
from tests.integration.loadtest import misbehaving
from tests.integration.loadtest.engines import assert_one_row_each, make_plan, measure, most_at_once, running

RATE = OpenLoop(rate=300)


@pytest.mark.parametrize("core", [None, max(os.sched_getaffinity(0))])
@pytest.mark.parametrize("arrivals", ["poisson", "constant"])
def test_each_arrival_is_sent_answered_and_recorded(tmp_path: Path, arrivals: str, core: int | None):
    scenario = OpenLoop(arrivals=arrivals, rate=500)
    with misbehaving.serve(misbehaving.right) as url:
        found = measure(tmp_path, url, scenario=scenario, warmup_s=0.2, seed=5, core=core, check=AnswerCheck(every=4))
    assert_one_row_each(found, scenario, 1.2, seed=5)
    assert (found.outcome == Outcome.OK).all()
    assert found.facts.finished
    assert np.array_equal(found.warmup, found.intended_ns < found.facts.window_start_ns)
    assert 0 < np.count_nonzero(found.warmup) < len(found.warmup) / 2
    assert found.facts.spinning == (core is not None and os.cpu_count() > 1)
    assert 0 < found.facts.client_busy < 1
    assert found.facts.cap_hits == 0
    compared = found.correct >= 0
    assert np.count_nonzero(compared) >= len(compared) // 4
    assert found.facts.checked == np.count_nonzero(compared & ~found.warmup)
    assert (found.correct[compared] == 1).all()
    assert found.facts.wrong == 0


@pytest.mark.parametrize(
    ("behaviour", "outcome"),
    [
        (misbehaving.closes_each_time, Outcome.OK),
        (misbehaving.drips, Outcome.OK),
        (misbehaving.is_slow, Outcome.OK),
        (misbehaving.resets_within, Outcome.RESET),
        (misbehaving.is_overloaded, Outcome.HTTP + 503),
        (misbehaving.talks_garbage, Outcome.MALFORMED),
    ],
)
def test_a_server_on_a_bad_day_leaves_no_gap(tmp_path: Path, behaviour: misbehaving.Behaviour, outcome: int):
    with misbehaving.serve(behaviour) as url:
        found = measure(tmp_path, url, scenario=RATE)
    assert_one_row_each(found, RATE, 1)
    assert np.unique(found.outcome).tolist() == [outcome]
    assert found.facts.finished


def test_a_server_that_never_answers_times_every_request_out(tmp_path: Path):
    with misbehaving.serve(misbehaving.never_answers) as url:
        found = measure(tmp_path, url, scenario=RATE, timeout_s=0.3)
    assert_one_row_each(found, RATE, 1)
    assert (found.outcome == Outcome.TIMEOUT).all()
    waited_s = (found.done_ns - found.intended_ns) / 1e9
    assert waited_s.min() >= 0.3
    assert np.median(waited_s) < 0.35


def test_a_server_that_is_not_there_refuses_every_request(tmp_path: Path):
    found = measure(tmp_path, f"http://127.0.0.1:{closed_port()}", scenario=RATE)
    assert_one_row_each(found, RATE, 1)
    assert (found.outcome == Outcome.REFUSED).all()
    assert (found.sent_ns == 0).all()


def test_clients_of_a_closed_loop_do_not_hammer_a_server_that_is_not_there(tmp_path: Path):
    found = measure(tmp_path, f"http://127.0.0.1:{closed_port()}", scenario=ClosedLoop(concurrency=3))
    assert (found.outcome == Outcome.REFUSED).all()
    assert 3 <= len(found.outcome) <= 33


def test_at_the_cap_requests_wait_in_the_client_and_are_counted(tmp_path: Path):
    scenario = OpenLoop(arrivals="constant", rate=200)
    with misbehaving.serve(misbehaving.is_slow) as url:
        found = measure(tmp_path, url, scenario=scenario, max_in_flight=4)
    assert_one_row_each(found, scenario, 1)
    assert (found.outcome == Outcome.OK).all()
    assert most_at_once(found) == 4
    # 4 at once, 50 ms each: 80 requests a second at most, so that more than half of 200 have to wait.
    assert found.facts.cap_hits > 100
    assert (found.sent_ns - found.intended_ns).max() > 1e9


def test_requests_that_wait_in_the_client_time_out_as_well(tmp_path: Path):
    scenario = OpenLoop(arrivals="constant", rate=100)
    with misbehaving.serve(misbehaving.never_answers) as url:
        found = measure(tmp_path, url, scenario=scenario, max_in_flight=2, timeout_s=0.3)
    assert_one_row_each(found, scenario, 1)
    assert (found.outcome == Outcome.TIMEOUT).all()
    waited_s = (found.done_ns - found.intended_ns) / 1e9
    assert waited_s.min() >= 0.3
    assert np.median(waited_s) < 0.35


@pytest.mark.parametrize("clients", [1, 5])
def test_a_closed_loop_has_as_many_requests_out_as_clients(tmp_path: Path, clients: int):
    with misbehaving.serve(misbehaving.is_slow) as url:
        found = measure(tmp_path, url, scenario=ClosedLoop(concurrency=clients))
    assert most_at_once(found) == clients
    assert (found.outcome == Outcome.OK).all()
    assert 10 * clients <= len(found.outcome) <= 21 * clients
    assert found.intended_ns.max() < found.facts.window_end_ns


def test_clients_come_and_go_while_a_closed_loop_runs(tmp_path: Path):
    with misbehaving.serve(misbehaving.is_slow) as url:
        plan = make_plan(tmp_path, url, scenario=ClosedLoop(concurrency=4), duration_s=2)
        with running(tmp_path, plan, "--clients", "0") as engine:
            start_ns = engine.event()["window_start_ns"]
            for clients, until_s in ((0, 0.5), (4, 1.0), (1, 2.0)):
                engine.tell(clients=clients)
                time.sleep(max(0, until_s - (time.monotonic_ns() - start_ns) / 1e9))
            found = engine.records()
    at_s = (found.sent_ns - start_ns) / 1e9
    assert at_s.min() >= 0.5
    assert most_at_once(found) == 4
    # The last two thirds of the last second: three clients have left by then.
    late = at_s > 1.3
    last = records.from_rows(rows_of(found)[late], found.correct[late], found.facts)
    assert most_at_once(last) == 1
    assert len(last.sent_ns) > 5


def test_a_command_that_is_none_is_answered_and_changes_nothing(tmp_path: Path):
    with (
        misbehaving.serve(misbehaving.right) as url,
        running(tmp_path, make_plan(tmp_path, url, scenario=RATE)) as engine,
    ):
        assert engine.event()["event"] == "started"
        engine.process.stdin.write("faster!\n")
        engine.tell(clients=3)
        for _ in range(2):
            assert engine.event()["event"] == "error"
        assert_one_row_each(engine.records(), RATE, 1)


@pytest.mark.parametrize("how", ["stop", "end of stdin", "SIGTERM", "SIGINT"])
def test_a_stopped_run_keeps_what_it_measured(tmp_path: Path, how: str):
    with misbehaving.serve(misbehaving.is_slow) as url:
        plan = make_plan(tmp_path, url, scenario=RATE, duration_s=60)
        with running(tmp_path, plan) as engine:
            window_start_ns = engine.event()["window_start_ns"]
            time.sleep(0.5)
            if how == "stop":
                engine.tell(stop=True)
            elif how == "end of stdin":
                engine.process.stdin.close()
            else:
                engine.process.send_signal(signal.Signals[how])
            found = engine.records()
    assert not found.facts.finished
    assert window_start_ns < found.facts.window_end_ns < time.monotonic_ns()
    assert len(found.intended_ns) > 20
    assert (found.intended_ns < found.facts.window_end_ns).all()
    assert (found.outcome == Outcome.OK).all()


def test_what_is_still_out_when_a_run_is_stopped_is_recorded_as_stopped(tmp_path: Path):
    with misbehaving.serve(misbehaving.never_answers) as url:
        plan = make_plan(tmp_path, url, scenario=RATE, duration_s=60, timeout_s=30)
        with running(tmp_path, plan) as engine:
            engine.event()
            time.sleep(0.3)
            engine.tell(stop=True)
            found = engine.records()
    assert len(found.outcome) > 10
    assert (found.outcome == Outcome.STOPPED).all()


def test_a_killed_engine_loses_only_its_last_moment(tmp_path: Path):
    with misbehaving.serve(misbehaving.right) as url:
        plan = make_plan(tmp_path, url, scenario=RATE, duration_s=60)
        with running(tmp_path, plan) as engine:
            started = engine.event()
            time.sleep(1)
            killed_ns = time.monotonic_ns()
            engine.process.kill()
            engine.process.wait()
    found = records.recover(tmp_path)
    assert not found.facts.finished
    assert found.facts.window_start_ns == started["window_start_ns"]
    assert found.facts.window_end_ns == found.done_ns.max()
    assert killed_ns - found.done_ns.max() < 0.5e9
    assert (found.outcome == Outcome.OK).all()
    assert len(found.outcome) > 100
    assert np.array_equal(found.input_index, np.arange(len(found.outcome)) % 8)


@pytest.mark.parametrize(
    ("outputs", "reason"),
    [
        ({"y": np.full((1, 4), np.nan, np.float32)}, "'y' holds NaN"),
        ({"y": np.zeros((1, 4), np.float32)}, "'y' differs by"),
        ({"y": np.zeros((4,), np.float32)}, r"'y' has shape [4], expected [1, 4]"),
        ({"z": np.zeros((1, 4), np.float32)}, "'y' is missing"),
    ],
)
def test_wrong_answers_are_noticed(tmp_path: Path, outputs: dict[str, np.ndarray], reason: str):
    async def wrong(_, writer, __):
        writer.write(misbehaving.respond(outputs))
        return True

    with misbehaving.serve(wrong) as url:
        found = measure(
            tmp_path,
            url,
            scenario=RATE,
            duration_s=0.5,
            warmup_s=0.2,
            check=AnswerCheck(tolerance={"y": 0.001}, every=3),
        )
    assert (found.outcome == Outcome.OK).all()
    assert found.facts.wrong == found.facts.checked > 10
    assert reason in found.facts.first_wrong
    assert set(found.correct.tolist()) == {-1, 0}


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"core": 4000}, "core 4000: not one that this process may use"),
        ({"protocol": "oip-pigeon"}, "unknown protocol 'oip-pigeon'"),
        ({"pool": Path("nowhere.npz")}, "nowhere.npz: no such file"),
        ({"url": "http://no-such-host.invalid:80"}, "no-such-host.invalid: no such host"),
        ({"max_in_flight": 2**40}, "connections at once"),
    ],
)
def test_a_plan_that_cannot_be_carried_out_ends_with_one_line(tmp_path: Path, fields: dict[str, object], reason: str):
    plan = make_plan(tmp_path, "http://127.0.0.1:1", scenario=RATE).model_copy(update=fields)
    with running(tmp_path, plan) as engine:
        event = engine.event()
        assert engine.process.wait() == 1
        assert engine.process.stdout.read() == ""
    assert event["event"] == "error"
    assert reason in event["message"]
    assert "\n" not in event["message"]


def closed_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def rows_of(found: records.Records) -> np.ndarray:
    rows = np.zeros(len(found.sent_ns), dtype=records.spool.DTYPE)
    for name in rows.dtype.names:
        rows[name] = getattr(found, name)
    return rows
