"""The self-test of the whole method: a server that is stopped for a second must show in the P99, as theory says.

In an open-loop run of T seconds, requests that arrive during a stop of S seconds wait for what is left of it: evenly
spread between 0 and S. They are a share S/T of all, so the 99th percentile of all is the (1 - 0.01 T/S) quantile of
theirs: S (1 - 0.01 T/S) = S - 0.01 T. A closed loop with one client sends a single request into the stop.
"""

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import loadtest
from exporters import ANSWERS
from loadtest.plan import AnswerCheck, LoadPlan
from loadtest.scenario import ClosedLoop, OpenLoop
from servers import Deployment, start
from tailbed.analysis.percentiles import percentile
from tailbed.analysis.times import response_ms, service_ms
from tailbed.experiment.placement import place
from tests.conftest import Exported

WINDOW_S = 10.0
WARMUP_S = 1.0
STOP_S = 1.0


def stopping(pid: int, stops: list[float]) -> Callable[[float], None]:
    """A progress callback that stops the process once, in the middle of the run, and notes for how long."""

    def stop() -> None:
        began = time.monotonic()
        os.kill(pid, signal.SIGSTOP)
        try:
            time.sleep(STOP_S)
        finally:
            os.kill(pid, signal.SIGCONT)
            stops.append(time.monotonic() - began)

    stopper = threading.Thread(target=stop)

    def progress(share: float) -> None:
        if share > 0.4 and not stopper.ident:
            stopper.start()

    return progress


@pytest.mark.parametrize("stack", ["fastapi", "grpc"])
def test_an_open_loop_shows_a_stall_and_a_closed_loop_hides_it(digits: Exported, tmp_path: Path, stack: str) -> None:
    artifact, placement = digits["onnx"], place()
    p99_ms = {}
    with start(Deployment(artifact, stack, cores=placement.server), folder=tmp_path / "server") as server:
        for scenario in (OpenLoop(rate=200), ClosedLoop(concurrency=1)):
            plan = LoadPlan(
                protocol=server.endpoint.protocol,
                url=server.endpoint.url,
                model=server.endpoint.model,
                pool=artifact.folder / ANSWERS,
                check=AnswerCheck(tolerance=artifact.manifest.answer_tolerance),
                scenario=scenario,
                warmup_s=WARMUP_S,
                duration_s=WINDOW_S,
                core=placement.client,
            )
            stops: list[float] = []
            records = loadtest.run(plan, tmp_path / scenario.kind, on_progress=stopping(server.process.pid, stops))
            assert records.facts.finished
            assert records.facts.wrong == 0
            assert len(stops) == 1
            p99_ms[scenario.kind] = percentile(response_ms(records), 0.99)
            if scenario.kind == "open":
                theory_ms = (stops[0] - 0.01 * WINDOW_S) * 1000
                assert p99_ms["open"] == pytest.approx(theory_ms, rel=0.10)
                # The requests were sent on time: that the server was stopped is no excuse not to ask.
                assert percentile(service_ms(records), 0.99) == pytest.approx(p99_ms["open"], rel=0.05)
    assert p99_ms["closed"] < p99_ms["open"] / 10
