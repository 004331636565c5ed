"""Arrivals: the rate and the distribution that a scenario asks for, the same ones for the same seed."""

import hashlib
import itertools
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from loadtest.arrivals import schedule, think_times
from loadtest.errors import LoadError
from loadtest.exponential import exponentials
from loadtest.scenario import Bursts, ClosedLoop, OpenLoop, Ramp, Scheduled, Server, Step, Steps, Trace
from loadtest.scenario.loops import Arrivals

rates = st.floats(0.01, 20_000, allow_nan=False)
lengths = st.floats(0.001, 3, allow_nan=False)
seeds = st.integers(0, 2**63)
kinds = st.sampled_from(["poisson", "constant"])
pauses = st.one_of(st.just(0.0), rates)
pieces = st.floats(0.001, 2, allow_nan=False)
patterns = st.one_of(
    st.builds(OpenLoop, arrivals=kinds, rate=rates),
    st.builds(Server, rate=rates),
    st.builds(Bursts, arrivals=kinds, on_rate=rates, off_rate=pauses, on_s=pieces, off_s=pieces),
    st.builds(Ramp, arrivals=kinds, from_rate=pauses, to_rate=rates),
    st.builds(
        Steps,
        arrivals=kinds,
        steps=st.tuples(
            st.builds(Step, rate=rates, duration_s=pieces),
            st.builds(Step, rate=pauses, duration_s=pieces),
            st.builds(Step, rate=pauses, duration_s=st.just(8.0)),
        ),
    ),
)


def rate_at(scenario: Scheduled, time_s: float, length_s: float) -> float:
    """The rate that a scenario asks for, by its definition and not by the code under test."""
    match scenario:
        case Bursts():
            on = math.fmod(time_s, scenario.on_s + scenario.off_s) < scenario.on_s
            return scenario.on_rate if on else scenario.off_rate
        case Ramp():
            return scenario.from_rate + (scenario.to_rate - scenario.from_rate) * time_s / length_s
        case Steps():
            ends = itertools.accumulate(step.duration_s for step in scenario.steps)
            return next(
                (s.rate for s, end in zip(scenario.steps, ends, strict=True) if time_s < end), scenario.steps[-1].rate
            )
        case _:
            return scenario.rate


def expected(scenario: Scheduled, until_s: float, length_s: float) -> float:
    """The integral of ``rate_at``, exact for rates that are linear between the points where they jump."""
    jumps = {0.0, until_s}
    if isinstance(scenario, Bursts):
        period = scenario.on_s + scenario.off_s
        cycles = range(math.ceil(until_s / period) + 1)
        jumps |= {cycle * period + shift for cycle in cycles for shift in (0.0, scenario.on_s)}
    if isinstance(scenario, Steps):
        jumps |= set(itertools.accumulate(step.duration_s for step in scenario.steps))
    points = sorted(time for time in jumps if time <= until_s)
    middles = [rate_at(scenario, (a + b) / 2, length_s) * (b - a) for a, b in itertools.pairwise(points)]
    return math.fsum(middles)


def fits(scenario: Scheduled, length_s: float) -> bool:
    return not isinstance(scenario, Steps) or sum(step.duration_s for step in scenario.steps[:-1]) < length_s


@given(patterns, lengths, seeds)
def test_any_schedule_ascends_within_its_length_and_is_the_same_again(scenario: Scheduled, length_s: float, seed: int):
    if not fits(scenario, length_s):
        with pytest.raises(LoadError, match="the last step begins after the run's"):
            schedule(scenario, length_s=length_s, seed=seed)
        return
    times = schedule(scenario, length_s=length_s, seed=seed)
    assert times.dtype == np.int64
    assert (np.diff(times) >= 0).all()
    assert not len(times) or (times[0] >= 0 and times[-1] < length_s * 1e9 + 1)
    assert np.array_equal(schedule(scenario, length_s=length_s, seed=seed), times)


@given(patterns, lengths, seeds)
def test_the_count_is_the_integral_of_the_rate(scenario: Scheduled, length_s: float, seed: int):
    if not fits(scenario, length_s):
        return
    count = len(schedule(scenario, length_s=length_s, seed=seed))
    mean = expected(scenario, length_s, length_s)
    if getattr(scenario, "arrivals", "poisson") == "constant":
        assert count == pytest.approx(mean, abs=1 + 1e-9 * mean)
    else:  # with a probability of 1e-12 that a right one fails
        assert stats.poisson(mean).sf(count - 1) > 1e-12
        assert stats.poisson(mean).cdf(count) > 1e-12


@given(patterns, lengths, seeds, st.floats(0.05, 0.95))
def test_constant_arrivals_follow_the_integral_all_along(scenario: Scheduled, length_s: float, seed: int, part: float):
    if not fits(scenario, length_s) or getattr(scenario, "arrivals", "poisson") != "constant":
        return
    times = schedule(scenario, length_s=length_s, seed=seed)
    before = np.count_nonzero(times < part * length_s * 1e9)
    mean = expected(scenario, part * length_s, length_s)
    # One more for the arrival at the very start, and one for the rounding to nanoseconds.
    assert mean - 1 - 1e-6 * mean <= before <= mean + 2 + 1e-6 * mean


@given(rates, lengths, seeds)
def test_a_longer_run_begins_with_the_shorter_one(rate: float, length_s: float, seed: int):
    scenario = OpenLoop(rate=rate)
    short, long = (schedule(scenario, length_s=length, seed=seed) for length in (length_s, 2 * length_s))
    assert np.array_equal(long[: len(short)], short)


def test_another_seed_arrives_at_other_times():
    one, other = (schedule(OpenLoop(rate=1000), length_s=1, seed=seed) for seed in (1, 2))
    assert not np.array_equal(one[:100], other[:100])


@pytest.mark.parametrize("rate", [5.0, 300.0, 25_000.0])
def test_poisson_gaps_are_exponential_with_the_mean_that_the_rate_asks_for(rate: float):
    times = schedule(OpenLoop(rate=rate), length_s=20_000 / rate, seed=7)
    gaps_s = np.diff(times, prepend=0) / 1e9
    assert stats.kstest(gaps_s, stats.expon(scale=1 / rate).cdf).pvalue > 0.01
    # Independent of one another, which a Kolmogorov-Smirnov test does not see.
    assert abs(np.corrcoef(gaps_s[:-1], gaps_s[1:])[0, 1]) < 4 / np.sqrt(len(gaps_s))


def test_poisson_counts_vary_as_they_should():
    """The variance of a Poisson count is its mean; a sum of 400 such counts is chi-squared."""
    times = schedule(OpenLoop(rate=100), length_s=400, seed=3)
    counts = np.bincount(times // 1_000_000_000, minlength=400)
    low, high = stats.chi2(399).ppf([0.005, 0.995])
    assert low < ((counts - 100) ** 2).sum() / 100 < high


@pytest.mark.parametrize(("rate", "length_s", "count"), [(200, 10, 2000), (0.3, 10, 3), (3, 1, 3), (1, 0.5, 1)])
def test_constant_arrivals_are_evenly_apart_and_as_many_as_rate_times_length(rate: float, length_s: float, count: int):
    times = schedule(OpenLoop(arrivals="constant", rate=rate), length_s=length_s, seed=0)
    assert len(times) == count
    assert times[0] == 0
    assert np.abs(np.diff(times) - 1e9 / rate).max(initial=0) <= 1


CHANGING = [
    Bursts(on_rate=4000, off_rate=200, on_s=0.3, off_s=0.7),
    Bursts(on_rate=3000, off_rate=0, on_s=0.25, off_s=0.5),
    Steps(steps=(Step(rate=500, duration_s=2), Step(rate=0, duration_s=1), Step(rate=2000, duration_s=1))),
    Ramp(from_rate=0, to_rate=2000),
    Ramp(from_rate=1500, to_rate=100),
]


@pytest.mark.parametrize("scenario", CHANGING, ids=lambda scenario: scenario.label)
def test_a_changing_rate_gives_the_poisson_process_of_that_rate(scenario: Scheduled):
    """Time rescaled by the integral of the rate, it is a Poisson process of rate 1: its gaps are exponential."""
    length_s = 10.0
    times_s = schedule(scenario, length_s=length_s, seed=11) / 1e9
    rescaled = np.array([expected(scenario, time_s, length_s) for time_s in times_s[:4000].tolist()])
    if isinstance(scenario, Ramp):
        slope = (scenario.to_rate - scenario.from_rate) / length_s
        rescaled = scenario.from_rate * times_s + slope * times_s**2 / 2
    gaps = np.diff(rescaled, prepend=0)
    assert stats.kstest(gaps, stats.expon.cdf).pvalue > 0.01
    assert abs(np.corrcoef(gaps[:-1], gaps[1:])[0, 1]) < 4 / np.sqrt(len(gaps))


def test_constant_bursts_are_evenly_apart_within_and_silent_between():
    scenario = Bursts(arrivals="constant", on_rate=30, on_s=0.1, off_s=0.2)
    times = schedule(scenario, length_s=300, seed=0)
    # 0.1 * 30 is not quite 3 in binary: the first of a burst must not slip to the end of the one before.
    wanted = [round(burst * 0.3e9 + place * 1e9 / 30) for burst in range(1000) for place in range(3)]
    assert len(times) == len(wanted)
    assert np.abs(times - wanted).max() <= 1


def test_constant_arrivals_of_a_ramp_come_when_the_integral_reaches_each_number():
    times_s = schedule(Ramp(arrivals="constant", from_rate=0, to_rate=20), length_s=10, seed=0) / 1e9
    assert times_s == pytest.approx(np.sqrt(np.arange(100)), abs=1e-9)


def test_the_last_step_holds_until_the_end():
    steps = Steps(arrivals="constant", steps=(Step(rate=1, duration_s=2), Step(rate=10, duration_s=1)))
    assert schedule(steps, length_s=4, seed=0) == pytest.approx([0, 1e9, *np.arange(2e9, 4e9, 1e8)])
    assert len(schedule(steps, length_s=2.5, seed=0)) == 7
    with pytest.raises(LoadError, match="the last step begins after the run's 2 s"):
        schedule(steps, length_s=2, seed=0)


def test_more_arrivals_than_a_machine_holds_are_refused():
    with pytest.raises(LoadError, match=r"poisson 1e\+06/s: 8.64e\+10 arrivals in 86400 s are more than 100,000,000"):
        schedule(OpenLoop(rate=1_000_000), length_s=86_400, seed=0)


def test_server_is_the_poisson_open_loop():
    one, same = (schedule(kind(rate=300), length_s=5, seed=2) for kind in (Server, OpenLoop))
    assert np.array_equal(one, same)


def test_exponentials_are_those_of_the_logarithm_to_the_last_bits():
    draws = next(exponentials(5))
    uniform = np.random.Generator(np.random.PCG64(5)).random(len(draws))
    exact = np.array([-math.log(1.0 - value) for value in uniform.tolist()])
    assert np.abs(draws - exact).max() <= 4e-16 * np.abs(exact).max()
    assert np.abs(draws / exact - 1)[exact > 1e-3].max() < 1e-14
    assert (draws >= 0).all()


@pytest.mark.parametrize(
    ("scenario", "digest"),
    [
        (OpenLoop(rate=1000), "2de42ad7d8943d20"),
        (Bursts(on_rate=2000, off_rate=10, on_s=0.1, off_s=0.3), "cb5740f5825e3d59"),
        (Ramp(from_rate=10, to_rate=3000), "46c89037c6a62377"),
    ],
    ids=lambda value: getattr(value, "kind", ""),
)
def test_a_seed_gives_these_very_arrivals_on_every_machine(scenario: Scheduled, digest: str):
    times = schedule(scenario, length_s=100, seed=42)
    assert hashlib.sha256(times.astype("<i8").tobytes()).hexdigest()[:16] == digest


def test_think_times_are_exponential_or_constant():
    draws = list(itertools.islice(think_times(ClosedLoop(think_s=0.02), seed=4), 20_000))
    assert all(isinstance(draw, int) for draw in draws[:10])
    assert stats.kstest(np.array(draws) / 2e7, stats.expon.cdf).pvalue > 0.01
    assert draws == list(itertools.islice(think_times(ClosedLoop(think_s=0.02), seed=4), 20_000))
    constant = think_times(ClosedLoop(concurrency=4, think_s=0.02, think="constant"), seed=4)
    # The first ones stagger the clients.
    assert list(itertools.islice(constant, 7)) == [0, 5_000_000, 10_000_000, 15_000_000] + 3 * [20_000_000]


@given(kinds, st.floats(5e-324, 1e-9), lengths, seeds)
def test_next_to_no_rate_is_next_to_no_arrivals(arrivals: Arrivals, rate: float, length_s: float, seed: int):
    """Times that int64 cannot hold must not come out as negative ones."""
    times = schedule(OpenLoop(arrivals=arrivals, rate=rate), length_s=length_s, seed=seed)
    assert times.tolist() in ([], [0])


def test_arrivals_of_a_trace_that_int64_cannot_hold_are_cut(tmp_path: Path):
    path = tmp_path / "trace.csv"
    path.write_text("arrival_s\n0.5\n1e10\n1e300\n")
    assert schedule(Trace(path=path), length_s=1, seed=0).tolist() == [500_000_000]


def test_more_arrivals_than_memory_holds_are_refused_with_their_number():
    with pytest.raises(LoadError, match=r"8\.64e\+10 arrivals in 86400 s are more than 100,000,000"):
        schedule(OpenLoop(rate=1e6), length_s=86_400, seed=1)
