"""A spinning engine notices when its core is taken away."""

import os
import signal
import time
from pathlib import Path

import pytest

from loadtest.scenario import OpenLoop
from tests.integration.loadtest.engines import make_plan, running
from tests.integration.loadtest.test_null_server import null_server

TENSORS = ("--input", "x:float32:batch,4", "--output", "y:float32:batch,4")
CORE = max(os.sched_getaffinity(0))


@pytest.mark.skipif(os.cpu_count() == 1, reason="an engine does not spin on the only core there is")
def test_a_stopped_engine_says_when_it_was_stopped(tmp_path: Path):
    stops: list[tuple[int, int]] = []
    with null_server(*TENSORS) as (url, _):
        # So many that it never sleeps between two.
        plan = make_plan(tmp_path, url, scenario=OpenLoop(arrivals="constant", rate=2000), duration_s=2, core=CORE)
        with running(tmp_path, plan) as engine:
            engine.event()
            for _ in range(3):
                time.sleep(0.3)
                engine.process.send_signal(signal.SIGSTOP)
                stopped_ns = time.monotonic_ns()
                time.sleep(0.03)
                stops.append((stopped_ns, time.monotonic_ns()))
                engine.process.send_signal(signal.SIGCONT)
            found = engine.records()
    assert found.facts.spinning
    assert found.facts.stalls_dropped == 0
    assert found.facts.stalls == sorted(found.facts.stalls)
    for begin_ns, end_ns in stops:
        middle_ns = (begin_ns + end_ns) // 2
        (stall,) = ((start, length) for start, length in found.facts.stalls if start <= middle_ns <= start + length)
        assert sum(stall) >= end_ns, "it lasted until the engine was told to go on"
        # Nothing was sent meanwhile.
        assert not ((found.sent_ns > middle_ns) & (found.sent_ns < end_ns)).any()


def test_an_engine_that_does_not_spin_cannot_say(tmp_path: Path):
    with null_server(*TENSORS) as (url, _):
        plan = make_plan(tmp_path, url, scenario=OpenLoop(rate=200), duration_s=0.5, core=None)
        with running(tmp_path, plan) as engine:
            engine.event()
            engine.process.send_signal(signal.SIGSTOP)
            time.sleep(0.03)
            engine.process.send_signal(signal.SIGCONT)
            found = engine.records()
    assert not found.facts.spinning
    assert found.facts.stalls == []
