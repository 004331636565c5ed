"""One load divided among engines: together they offer exactly what one engine would."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from loadtest import spool
from loadtest.arrivals import schedule
from loadtest.engine.offering import Offering
from loadtest.engine.pacing import NEVER
from loadtest.plan import LoadPlan, Share
from loadtest.scenario import (
    AnyScenario,
    Bursts,
    ClosedLoop,
    MultiStream,
    Offline,
    OpenLoop,
    Ramp,
    Scheduled,
    Server,
    SingleStream,
    Step,
    Steps,
    Trace,
)

START_NS = 5_000


class FlightLog:
    """Takes what an engine offers and answers nothing."""

    def __init__(self) -> None:
        self.offered_ns: list[int] = []

    def offer(self, intended_ns: int) -> None:
        self.offered_ns.append(intended_ns)


def plan_of(scenario: AnyScenario, **fields: Any) -> LoadPlan:
    defaults: dict[str, Any] = {"warmup_s": 0.5, "duration_s": 1.5}
    return LoadPlan(
        protocol="oip-http",
        url="http://127.0.0.1:1",
        model="m",
        pool=Path("pool.npz"),
        scenario=scenario,
        **defaults | fields,
    )


def offered(scenario: AnyScenario, share: Share, seed: int = 0) -> list[int]:
    """The times at which an engine with this share offers requests, none of which is ever answered."""
    flight = FlightLog()
    window = spool.Window(START_NS, START_NS + 500_000_000, START_NS + 2_000_000_000)
    load = Offering(plan_of(scenario, share=share, seed=seed), None).pacing(flight, window)
    load.wake = lambda: None
    now_ns = START_NS
    while (due_ns := load.pace(now_ns)) != NEVER:
        now_ns = max(due_ns, now_ns)
    return [time_ns - START_NS for time_ns in flight.offered_ns]


def together(scenario: AnyScenario, engines: int, seed: int = 0) -> list[int]:
    return sorted(
        time_ns for index in range(engines) for time_ns in offered(scenario, Share(of=engines, index=index), seed)
    )


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Trace:
    path = tmp_path_factory.mktemp("trace") / "trace.csv"
    path.write_text("arrival_s\n0.1\n0.1\n0.2\n0.9\n1.3\n1.95\n7\n")
    return Trace(path=path)


rates = st.floats(0.5, 3_000)
arrivals = st.sampled_from(["poisson", "constant"])
lengths = st.floats(0.01, 3)
scheduled = st.one_of(
    st.builds(OpenLoop, arrivals=arrivals, rate=rates),
    st.builds(Bursts, arrivals=arrivals, on_rate=rates, off_rate=rates, on_s=lengths, off_s=lengths),
    st.builds(Ramp, arrivals=arrivals, from_rate=rates, to_rate=rates),
    st.builds(Server, rate=rates),
    st.builds(
        Steps,
        arrivals=arrivals,
        steps=st.tuples(
            st.builds(Step, rate=rates, duration_s=st.floats(0.1, 1)), st.builds(Step, rate=rates, duration_s=lengths)
        ),
    ),
)


@given(scenario=scheduled, engines=st.integers(1, 5), seed=st.integers(0, 2**32))
def test_the_engines_arrivals_together_are_the_one_schedule(scenario: Scheduled, engines: int, seed: int):
    assert together(scenario, engines, seed) == schedule(scenario, length_s=2, seed=seed).tolist()


@pytest.mark.parametrize("engines", [1, 2, 3])
def test_a_trace_is_replayed_once_by_all_engines_together(trace: Trace, engines: int):
    assert together(trace, engines) == [
        100_000_000,
        100_000_000,
        200_000_000,
        900_000_000,
        1_300_000_000,
        1_950_000_000,
    ]


@given(whole=st.integers(0, 10_000), engines=st.integers(1, 100))
def test_shares_of_what_is_counted_add_up_and_are_alike(whole: int, engines: int):
    sizes = [Share(of=engines, index=index).size(whole) for index in range(engines)]
    assert sum(sizes) == whole
    assert max(sizes) - min(sizes) <= 1
    assert all(more >= less for more, less in pairwise(sizes))


@pytest.mark.parametrize("engines", [1, 2, 3, 7])
def test_clients_are_divided_without_remainder(engines: int):
    assert len(together(ClosedLoop(concurrency=7), engines)) == 7


@pytest.mark.parametrize("think", ["constant", "exponential"])
@pytest.mark.parametrize("engines", [2, 3])
def test_the_clients_of_several_engines_pause_as_those_of_one(think: str, engines: int):
    scenario = ClosedLoop(concurrency=8, think_s=0.2, think=think)  # type: ignore[arg-type]
    assert together(scenario, engines) == together(scenario, 1)


@pytest.mark.parametrize("engines", [2, 3])
def test_what_is_kept_outstanding_offline_is_divided(engines: int):
    assert len(together(Offline(samples=100, outstanding=16), engines)) == 16


@pytest.mark.parametrize(
    ("scenario", "fields", "reason"),
    [
        (SingleStream(), {}, "SingleStream has one client, which several engines cannot share"),
        (MultiStream(), {}, "MultiStream sends a query's samples together, which several engines cannot do"),
        (Offline(samples=3, outstanding=1), {}, "Offline 3 x1 cannot be divided among 2 engines"),
        (Offline(samples=1, outstanding=3), {}, "Offline 1 x3 cannot be divided among 2 engines"),
        (OpenLoop(rate=9), {"max_in_flight": 1}, "max_in_flight 1 cannot be divided among 2 engines"),
        (OpenLoop(rate=9), {"steady_limit_s": 10}, "several engines can only warm up by time"),
    ],
)
def test_what_cannot_be_shared_is_refused(scenario: AnyScenario, fields: dict[str, object], reason: str):
    plan_of(scenario, **fields)  # one engine can do it
    with pytest.raises(ValidationError) as caught:
        plan_of(scenario, **fields, share=Share(of=2))
    (error,) = caught.value.errors()
    assert error["loc"] == ("share",)
    assert reason in error["msg"]


def test_a_share_is_one_of_those_that_there_are():
    with pytest.raises(ValidationError, match="must be below 2"):
        Share(of=2, index=2)


def test_each_engine_has_its_own_part_of_the_schedule():
    first, second = (offered(OpenLoop(rate=500), Share(of=2, index=index)) for index in range(2))
    assert not np.intersect1d(first, second).size
