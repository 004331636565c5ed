"""The self-test of an open loop: a server that stops for a second is seen as its users see it; a closed loop hides it.

Stop a server for S seconds within T seconds of an open loop: the users who come meanwhile wait S down to 0, evenly.
They are S/T of all, so the slowest 1% of all are the first 0.01*T seconds of the stop, and P99 is S*(1 - 0.01*T/S).
"""

import signal
import time
from pathlib import Path

import numpy as np
import pytest

from loadtest.records import Outcome, Records
from loadtest.scenario import ClosedLoop, OpenLoop
from tests.integration.loadtest.engines import make_plan, running
from tests.integration.loadtest.test_null_server import null_server

STOP_S = 1.0


def measure_with_a_stop(folder: Path, scenario: OpenLoop | ClosedLoop, length_s: float) -> tuple[float, Records]:
    """A run in whose middle the server is stopped; returns for how many seconds it was, and the records."""
    with null_server("--input", "x:float32:batch,4", "--output", "y:float32:batch,4") as (url, server):
        plan = make_plan(folder, url, scenario=scenario, duration_s=length_s)
        with running(folder, plan) as engine:
            engine.event()
            time.sleep(length_s / 2)
            server.send_signal(signal.SIGSTOP)
            stopped_ns = time.monotonic_ns()
            try:
                time.sleep(STOP_S)
            finally:
                server.send_signal(signal.SIGCONT)
                went_on_ns = time.monotonic_ns()
            found = engine.records()
    assert (found.outcome == Outcome.OK).all()
    return (went_on_ns - stopped_ns) / 1e9, found


def p99_s(found: Records) -> float:
    return float(np.percentile(found.done_ns - found.intended_ns, 99)) / 1e9


def test_an_open_loop_sees_the_stop_that_a_closed_loop_hides(tmp_path: Path):
    (tmp_path / "open").mkdir()
    (tmp_path / "closed").mkdir()
    stop_s, found = measure_with_a_stop(tmp_path / "open", OpenLoop(rate=300), 10)
    assert p99_s(found) == pytest.approx(stop_s * (1 - 0.01 * 10 / stop_s), rel=0.1)

    stop_s, found = measure_with_a_stop(tmp_path / "closed", ClosedLoop(concurrency=1), 4)
    assert (found.done_ns - found.sent_ns).max() / 1e9 == pytest.approx(stop_s, rel=0.1)  # one client met it, once
    assert p99_s(found) < stop_s / 20
