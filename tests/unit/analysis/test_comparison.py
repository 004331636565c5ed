"""Verdicts: what is claimed, in which words, and every reason not to."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tailbed.analysis.comparison import THROUGHPUT, Comparison, Pair, block_ratios, blocks_needed, compare
from tailbed.analysis.intervals import Interval, NoInterval

B = np.array([10.0, 11.0, 9.5, 10.5, 10.2, 9.8, 10.1, 10.9])
WOBBLE = np.exp(np.array([0.02, -0.03, 0.04, -0.05, 0.01, 0.03, -0.04, 0.02]))
BLOCKS = hnp.arrays(np.float64, 8, elements=st.floats(0.1, 1e3))


def pair(ratio: float, figure: str = "P99", blocks: int = 8, floor: float | None = 1.02) -> Pair:
    return Pair("onnx", "torch", figure, (B * ratio * WOBBLE)[:blocks], B[:blocks], floor)


def only(*pairs: Pair) -> Comparison:
    return compare(pairs)[0]


def numbers(comparison: Comparison) -> tuple[float, float, float]:
    assert isinstance(comparison.ratio, Interval)
    return comparison.ratio.estimate, comparison.ratio.low, comparison.ratio.high


def test_a_difference_in_latency() -> None:
    comparison = only(pair(0.81))
    assert comparison.claimed
    assert comparison.p_value == comparison.adjusted_p == 2 / 256
    assert comparison.sentence() == "onnx answers in 0.81x [0.79, 0.83] of torch's P99 time"


def test_a_difference_in_throughput() -> None:
    assert only(pair(1.23, THROUGHPUT)).sentence() == "onnx serves 1.23x [1.19, 1.27] of torch's throughput"


def test_the_interval_is_that_of_the_log_ratios() -> None:
    logs = np.log(0.81 * WOBBLE)
    half = 2.36462 * logs.std(ddof=1) / np.sqrt(8)
    assert numbers(only(pair(0.81))) == pytest.approx(np.exp([logs.mean(), logs.mean() - half, logs.mean() + half]))


def test_no_difference() -> None:
    comparison = only(pair(1.0))
    assert not comparison.claimed
    assert comparison.sentence() == (
        "no difference shown between onnx and torch in P99: 1.00x [0.97, 1.03] (the interval includes 1)"
    )


def test_a_difference_within_the_noise_floor() -> None:
    comparison = only(pair(0.95, floor=1.04))
    assert comparison.reason == "not clear of the noise floor of 1.040x"
    assert only(pair(0.95, floor=1.01)).claimed
    assert only(pair(1.05, floor=1.04)).reason == "not clear of the noise floor of 1.040x"
    assert only(pair(1.05, floor=1.01)).claimed


def test_a_floor_that_was_not_measured_is_said() -> None:
    assert only(pair(0.81, floor=None)).sentence().endswith("of torch's P99 time (noise floor not measured)")


def test_blocks_that_one_side_lacks_are_left_out() -> None:
    a, b = (B * 0.81 * WOBBLE), B.copy()
    a[1] = np.nan
    b[4] = np.nan
    comparison = only(Pair("onnx", "torch", "P99", a, b))
    assert isinstance(comparison.ratio, Interval)
    assert comparison.ratio.runs == 6
    assert comparison.p_value == 2 / 64


def test_too_few_blocks_for_an_interval() -> None:
    comparison, tested = compare([pair(0.5, blocks=5), pair(0.5)])
    assert isinstance(comparison.ratio, NoInterval)
    assert (comparison.p_value, comparison.adjusted_p) == (None, None)
    assert comparison.sentence() == (
        "no difference shown between onnx and torch in P99 (insufficient: 5 common blocks, needs 6)"
    )
    assert tested.comparisons == 1, "what cannot be tested does not make the others harder to show"


def test_nothing_to_compare() -> None:
    assert compare([]) == []
    gone = np.full(8, np.nan)
    assert not only(Pair("a", "b", "P50", gone, B)).claimed


def test_too_few_blocks_for_so_many_comparisons_is_said() -> None:
    six = [pair(0.5, blocks=6) for _ in range(4)]
    assert only(six[0]).claimed, "2/64 is below 0.05 when it is the only question"
    assert {comparison.reason for comparison in compare(six)} == {
        "needs 8 blocks to be able to show a difference among 4 comparisons, has 6"
    }
    assert all(comparison.claimed for comparison in compare([pair(0.5) for _ in range(4)]))


def test_holm_decides_among_several() -> None:
    weak = np.array([0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, -0.01])
    questions = [Pair("a", "b", "P50", B * np.exp(weak), B), pair(1.0), pair(1.0), pair(1.0)]
    alone, among = only(questions[0]), compare(questions)[0]
    assert alone.claimed
    assert among.p_value == alone.p_value == 4 / 256
    assert among.adjusted_p == 16 / 256
    assert among.reason == "p = 0.062 after Holm's correction over 4 comparisons"


@pytest.mark.parametrize(("comparisons", "blocks"), [(1, 6), (2, 7), (3, 7), (4, 8), (6, 8), (7, 9), (100, 12)])
def test_blocks_needed(comparisons: int, blocks: int) -> None:
    assert blocks_needed(comparisons) == blocks
    differ = np.linspace(0.5, 0.6, blocks)
    many = [Pair("a", "b", "P99", differ, np.ones(blocks))] * comparisons
    assert all(comparison.claimed for comparison in compare(many))
    fewer = [dataclasses.replace(one, a_values=differ[1:], b_values=np.ones(blocks - 1)) for one in many]
    assert not any(comparison.claimed for comparison in compare(fewer))


@pytest.mark.parametrize(
    ("low", "estimate", "high", "shown"),
    [
        (0.78, 0.81, 0.85, "0.81x [0.78, 0.85]"),
        (0.9912, 0.9947, 0.9982, "0.995x [0.991, 0.998]"),
        (0.99961, 0.99965, 0.99969, "0.9997x [0.9996, 0.9997]"),
        (0.0498, 0.0512, 0.0527, "0.051x [0.050, 0.053]"),
        (11.8, 12.3, 12.9, "12.30x [11.80, 12.90]"),
        (0.5, 0.5, 0.5, "0.50x [0.50, 0.50]"),
    ],
)
def test_rounding_never_hides_what_is_claimed(low: float, estimate: float, high: float, shown: str) -> None:
    comparison = Comparison("a", "b", "P50", Interval(estimate, low, high, 8), 0.01, 0.01, 1, 1.0, None)
    assert comparison.sentence() == f"a answers in {shown} of b's P50 time"


def test_sides_that_do_not_match_are_refused() -> None:
    with pytest.raises(ValueError, match="blocks do not match"):
        block_ratios(B, B[:7])


@given(BLOCKS, BLOCKS)
def test_swapping_the_sides_inverts_the_answer(a: np.ndarray, b: np.ndarray) -> None:
    one, other = only(Pair("a", "b", "P99", a, b)), only(Pair("b", "a", "P99", b, a))
    estimate, low, high = numbers(one)
    assert numbers(other) == pytest.approx((1 / estimate, 1 / high, 1 / low))
    assert other.p_value == one.p_value


@given(BLOCKS, BLOCKS, st.floats(0.01, 100))
def test_the_unit_does_not_matter(a: np.ndarray, b: np.ndarray, scale: float) -> None:
    one, other = only(Pair("a", "b", "P99", a, b)), only(Pair("a", "b", "P99", a * scale, b * scale))
    assert numbers(other) == pytest.approx(numbers(one))


@given(BLOCKS, BLOCKS, st.permutations(range(8)))
def test_the_order_of_blocks_does_not_matter(a: np.ndarray, b: np.ndarray, order: list[int]) -> None:
    one, other = only(Pair("a", "b", "P99", a, b)), only(Pair("a", "b", "P99", a[order], b[order]))
    assert numbers(other) == pytest.approx(numbers(one))
    assert other.p_value == one.p_value


def test_false_claims_are_rare_and_real_differences_are_found() -> None:
    """Blocks of skewed noise: A/A stays below 5%, a difference of two standard deviations is nearly always shown."""
    rng = np.random.default_rng(4)
    noise = (rng.gamma(2, 0.03, (600, 2, 8)) + rng.normal(0, 0.05, (600, 1, 8))).astype(float)
    values = np.exp(noise)
    same = [only(Pair("a", "a", "P99", a, b)).claimed for a, b in values]
    assert np.mean(same) <= 0.05
    differ = [only(Pair("a", "b", "P99", 1.12 * a, b)).claimed for a, b in values]
    assert np.mean(differ) >= 0.9
