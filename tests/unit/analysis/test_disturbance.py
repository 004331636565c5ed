"""What the machine took from a run, and which percentiles survive it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.records import EngineFacts, Records
from loadtest.scenario import ClosedLoop, MultiStream
from tailbed.analysis.disturbance import Disturbance, Evidence, Sampled, judge, lost_ns, spans_ns, worth_repeating
from tailbed.analysis.percentiles import percentile
from tests.performance.disturbance import interrupted
from tests.performance.queues import SERVICES

MS = 1_000_000
FRACTIONS = {"p50_ms": 0.5, "p99_ms": 0.99, "p999_ms": 0.999}


def ns(*values: float) -> np.ndarray:
    return np.array([round(value * MS) for value in values], dtype=np.int64)


def gaps(*pairs: tuple[float, float]) -> np.ndarray:
    """Starts and lengths in milliseconds, as the engine has them."""
    return ns(*(value for pair in pairs for value in pair)).reshape(-1, 2)


def lost_ms(intended: np.ndarray, done: np.ndarray, *intervals: tuple[float, float, float]) -> list[float]:
    start, end, taken = (ns(*column) for column in zip(*intervals, strict=True))
    return (lost_ns(intended, done, start, end, taken) / MS).tolist()


def judged(
    intended: np.ndarray, done: np.ndarray, evidence: Evidence, window: tuple[int, int] | None = None
) -> Disturbance:
    window = window or (0, int(intended.max()) + 1)
    inside = (intended >= window[0]) & (intended < window[1])
    took_ms = (done - intended)[inside] / MS
    figures = {name: percentile(took_ms, fraction) for name, fraction in FRACTIONS.items()}
    return judge(intended, done, window, figures, FRACTIONS, evidence)


def test_a_request_loses_what_it_shares_with_a_gap() -> None:
    # Done before, over at its start, across its start, all of it, within, across its end, from its end on, and later.
    intended = ns(0, 8, 9, 9, 12, 19, 20, 30)
    done = ns(1, 10, 11, 21, 13, 22, 21, 31)
    assert lost_ms(intended, done, (10, 20, 10)) == pytest.approx([0, 0, 1, 10, 1, 1, 0, 0])


def test_no_request_loses_more_than_was_taken() -> None:
    intended, done = ns(0, 50, 0), ns(100, 51, 1)
    assert lost_ms(intended, done, (0, 100, 10)) == pytest.approx([10, 1, 1])


def test_gaps_add_up() -> None:
    assert lost_ms(ns(0), ns(100), (10, 11, 1), (20, 22, 2), (200, 210, 10)) == pytest.approx([3])


def test_who_comes_after_a_gap_waits_behind_those_that_came_in_it() -> None:
    # One server, 1 ms a request, one arrival every 1.25 ms; nothing moves from 10 to 20 ms.
    intended = np.arange(0, 100 * MS, 1.25 * MS).astype(np.int64)
    sent = np.where((intended >= 10 * MS) & (intended < 20 * MS), 20 * MS, intended)
    done, free = [], 0
    for at in sent.tolist():
        free = max(free, at) + MS
        done.append(free)
    late = np.array(done) - intended - MS
    lost = lost_ns(intended, np.array(done), *(ns(value) for value in (10, 20, 10)))
    assert late[(intended > 20 * MS) & (intended < 50 * MS)].min() > MS  # long after the gap's end
    assert (lost >= late).all()
    assert (lost[(intended < 8 * MS) | (intended > 65 * MS)] == 0).all()  # it has been made up for by then


def test_in_a_closed_loop_nobody_queues_behind_a_gap() -> None:
    # Two clients, 1 ms a request; each sends its next when its last is done. Nothing moves from 10 to 20 ms.
    starts = np.concatenate([np.arange(11), 20 + np.arange(10)])
    ends = np.concatenate([np.arange(1, 11), 20 + np.arange(11)])
    intended, done = np.tile(starts, 2) * MS, np.tile(ends, 2) * MS
    lost = lost_ns(intended, done, *(ns(value) for value in (10, 20, 10)))
    assert sorted(set(intended[lost > 0].tolist())) == [10 * MS]
    assert lost.max() == 10 * MS


def test_a_closed_loop_without_pauses_is_calm_again_after_each_answer() -> None:
    # One client that asks again in the very instant in which it is answered; the gap begins before the load does.
    edges = np.arange(21) * MS
    lost = lost_ns(edges[:-1], edges[1:], *(ns(value) for value in (-5, 2, 7)))
    assert (lost > 0).tolist() == [edge < 3 * MS for edge in edges[:-1]]


def test_requests_may_come_in_any_order() -> None:
    rng = np.random.default_rng(5)
    intended = rng.integers(0, 100 * MS, 500)
    done = intended + rng.integers(0, 5 * MS, 500)
    intervals = ns(3, 30, 70), ns(5, 31, 90), ns(2, 1, 4)
    shuffled = rng.permutation(500)
    assert np.array_equal(
        lost_ns(intended, done, *intervals)[shuffled], lost_ns(intended[shuffled], done[shuffled], *intervals)
    )
    assert lost_ns(intended[:0], done[:0], *intervals).shape == (0,)


@given(
    spans=st.lists(st.tuples(st.integers(0, 500), st.integers(0, 60)), min_size=1, max_size=60),
    taken=st.lists(st.tuples(st.integers(0, 500), st.integers(1, 40), st.integers(0, 50)), max_size=6),
)
def test_what_a_request_loses_is_bounded(spans: list[tuple[int, int]], taken: list[tuple[int, int, int]]) -> None:
    intended = np.array([start for start, _ in spans])
    done = intended + np.array([length for _, length in spans])
    start = np.array([begin for begin, _, _ in taken], dtype=np.int64)
    end = start + np.array([length for _, length, _ in taken], dtype=np.int64)
    amount = np.array([most for _, _, most in taken], dtype=np.int64)
    lost = lost_ns(intended, done, start, end, amount)
    overlap = np.minimum(done[:, None], end) - np.maximum(intended[:, None], start)
    at_least = np.clip(overlap, 0, amount).sum(axis=1)
    assert (lost >= at_least).all()
    assert (lost <= np.minimum(done[:, None] - intended[:, None], amount).sum(axis=1)).all()


def lone_requests(count: int, took_ms: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """One every 10 ms, each alone."""
    intended = np.arange(count) * 10 * MS
    return intended, intended + round(took_ms * MS)


@pytest.mark.parametrize(("touched", "stands"), [(4, True), (5, False)])
def test_p99_stands_while_less_than_half_of_its_tail_is_touched(touched: int, stands: bool) -> None:
    intended, done = lone_requests(1000)
    done += np.where(np.arange(1000) % 100 == 50, 5 * MS, 0)  # ten of a thousand take 6 ms,
    done[1] += 4 * MS  # and P99, which the 990th smallest is, 5 ms
    met = gaps(*((10 * (50 + 100 * i) + 2, 3) for i in range(touched)))
    found = judged(intended, done, Evidence(gaps_ns=met))
    assert ("p99_ms" not in found.reasons) is stands
    assert "p50_ms" not in found.reasons
    assert found.stalled_ms == pytest.approx(3 * touched)


def test_a_reason_has_its_figures() -> None:
    intended, done = lone_requests(1000)
    done[:8] += 5 * MS
    found = judged(intended, done, Evidence(gaps_ns=gaps(*((10 * i + 1, 5) for i in range(8)))))
    assert found.reasons["p999_ms"] == (
        "disturbed: the client's core was taken away for 40.0 ms in 8 gaps; 0.800% of the requests are in this tail "
        "and may have lost more than 5% of 6 ms to that, limit 0.05%; without it, it may be 1 ms"
    )


def test_requests_that_are_touched_and_fast_do_not_count() -> None:
    """Gaps that meet 2% of the requests cannot have made the 50 ms that the server took for another 2%."""
    intended, done = lone_requests(1000)
    slow = np.arange(1000) % 50 == 0
    done += np.where(slow, 49 * MS, 0)
    met = gaps(*((10 * i + 0.5, 8) for i in range(25, 1000, 50)))
    done += np.where(np.arange(1000) % 50 == 25, 8 * MS, 0)
    assert judged(intended, done, Evidence(gaps_ns=met)).reasons == {}


def test_gaps_that_are_short_beside_a_percentile_do_not_count() -> None:
    intended, done = lone_requests(1000, took_ms=6)
    everywhere = gaps(*((10 * i + 1, 0.25) for i in range(1000)))
    assert judged(intended, done, Evidence(gaps_ns=everywhere)).reasons == {}
    longer = gaps(*((10 * i + 1, 0.35) for i in range(1000)))
    assert set(judged(intended, done, Evidence(gaps_ns=longer)).reasons) == set(FRACTIONS)


def test_what_is_not_known_is_not_nothing() -> None:
    intended, done = lone_requests(1000)
    assert judged(intended, done, Evidence()) == Disturbance(None, None, {})
    quiet = Evidence(gaps_ns=np.empty((0, 2), dtype=np.int64), steal=Sampled(ns(0, 1000), np.zeros(1, dtype=np.int64)))
    assert judged(intended, done, quiet) == Disturbance(0.0, 0.0, {})


def test_a_percentile_that_is_not_quoted_is_not_judged() -> None:
    intended, done = lone_requests(100)
    everything = Evidence(gaps_ns=gaps((0, 2000)))
    found = judge(intended, done, (0, 1000 * MS), {"p50_ms": 1.0, "p99_ms": None}, FRACTIONS, everything)
    assert set(found.reasons) == {"p50_ms"}


def test_steal_counts_for_all_that_overlap_its_interval() -> None:
    intended, done = lone_requests(1000)
    done[99:111] += 5 * MS  # 0.99 to 1.10 s
    edges = np.arange(0, 10_001, 100) * MS
    stolen = np.zeros(100, dtype=np.int64)
    stolen[10] = 10 * MS
    found = judged(intended, done, Evidence(steal=Sampled(edges, stolen)))
    assert set(found.reasons) == {"p99_ms", "p999_ms"}
    assert found.steal_ms == pytest.approx(10)
    assert found.stalled_ms is None
    stolen[10], stolen[50] = 0, 10 * MS
    assert judged(intended, done, Evidence(steal=Sampled(edges, stolen))).reasons == {}


def test_throttling_counts_for_all_of_its_interval() -> None:
    intended, done = lone_requests(1000)
    done[100:120] += 45 * MS
    edges = np.arange(0, 10_001, 500) * MS
    counts = np.zeros(20, dtype=np.int64)
    counts[2] = 3
    found = judged(intended, done, Evidence(throttling=Sampled(edges, counts)))
    assert set(found.reasons) == {"p99_ms", "p999_ms"}
    assert "the clock was throttled 3 times" in found.reasons["p99_ms"]


def test_only_the_window_counts() -> None:
    intended, done = lone_requests(1000)
    done[:100] += 5 * MS  # the warm-up
    window = (1000 * MS, 10_000 * MS)
    warmup = judged(intended, done, Evidence(gaps_ns=gaps((0, 990), (995, 10), (9_990, 20))), window)
    assert warmup.stalled_ms == pytest.approx(5 + 10)
    half = Sampled(ns(0, 2000, 4000), ns(10, 4))
    assert judged(intended, done, Evidence(steal=half), window).steal_ms == pytest.approx(5 + 4)


@pytest.mark.parametrize("load", [0.3, 0.7, 0.9])
@pytest.mark.parametrize("service", SERVICES)
def test_a_percentile_that_stands_is_not_far_from_an_undisturbed_one(load: float, service: str) -> None:
    stood = disturbed = 0
    for seed, (length_ms, share) in enumerate([(2, 0.002), (8, 0.001), (8, 0.004), (8, 0.01), (40, 0.003), (40, 0.02)]):
        run = interrupted(seed, load, service, length_ms, share)
        reasons = judged(run.intended_ns, run.done_ns, Evidence(gaps_ns=run.gaps_ns)).reasons
        for name, p in FRACTIONS.items():
            value = percentile(run.took_ms, p)
            assert value >= percentile(run.alone_ms, p) - 1e-5
            stood += name not in reasons
            disturbed += name in reasons
            assert name in reasons or value <= percentile(run.alone_ms, (1 + p) / 2) / 0.95
    assert stood >= 6  # the median, if nothing else
    if service == "narrow":
        assert disturbed >= 4  # at the least by gaps of 40 ms, which are longer than anything that such a queue makes


@given(
    took=st.lists(st.integers(1, 1000), min_size=20, max_size=200),
    lengths=st.lists(st.integers(1, 500), min_size=1, max_size=40),
    back=st.floats(0, 1),
)
def test_a_percentile_that_stands_holds_whatever_was_lost(took: list[int], lengths: list[int], back: float) -> None:
    """The bound of the module's text: each alone, and given back any part of what it may have lost."""
    took_ms = np.array(took)
    intended = np.arange(len(took)) * 2000 * MS
    done = intended + took_ms * MS
    met = gaps(*((2000 * i, length) for i, length in enumerate(lengths[: len(took)])))
    lost = lost_ns(intended, done, met[:, 0], met.sum(axis=1), met[:, 1])
    alone_ms = (done - intended - back * lost) / MS
    reasons = judged(intended, done, Evidence(gaps_ns=met)).reasons
    for name, p in FRACTIONS.items():
        value = percentile(took_ms.astype(float), p)
        assert percentile(alone_ms, p) <= value
        assert name in reasons or value <= percentile(alone_ms, (1 + p) / 2) / 0.95 + 1e-9


def test_a_query_counts_as_a_whole() -> None:
    intended, done = ns(0, 0, 0, 10, 10, 10), ns(1, 3, 2, 11, 12, 15)
    facts = EngineFacts.model_construct()
    rows = {name: np.zeros(6, dtype=np.int64) for name in ("sent_ns", "outcome", "input_index", "warmup", "correct")}
    records = Records(intended_ns=intended, done_ns=done, facts=facts, **rows)
    spans = spans_ns(records, MultiStream(samples=3))
    assert [column.tolist() for column in spans] == [ns(0, 10).tolist(), ns(3, 15).tolist()]
    assert spans_ns(records, ClosedLoop(concurrency=1)) == (intended, done)


def test_what_verdicts_need_is_worth_repeating() -> None:
    assert worth_repeating({"p99_ms": "disturbed"})
    assert not worth_repeating({"p999_ms": "disturbed"})
    assert not worth_repeating({})
