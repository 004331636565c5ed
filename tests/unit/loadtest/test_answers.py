"""Checking answers under load: which ones are kept, and what counts as wrong."""

import re
from collections.abc import Callable, Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.engine.answers import AnswerSample
from loadtest.transport.transport import Request
from models import TailbedError, Tensors

RIGHT = {"scores": np.array([[0.0, 1.0, np.inf]], np.float32), "label": np.array([[2]], np.int64)}
TOLERANCE = {"scores": 0.01}


def request(item: int, answer: bytes = b"answer") -> Request:
    made = Request(0, item, keep=True)
    made.answer = answer
    return made


def check(
    decode: Callable[[bytes], Tensors], expected: Tensors = RIGHT, tolerance: Mapping[str, float] = TOLERANCE
) -> tuple[int, str]:
    """What comes out for one answer, kept as the third row of five."""
    sample = AnswerSample(every=1, seed=0)
    sample.keep(2, request(7))
    correct, faults = sample.check(decode, lambda _: expected, tolerance, rows=5)
    assert [int(value) for value in np.delete(correct, 2)] == [-1] * 4
    return int(correct[2]), faults.get(2, "")


@given(st.integers(1, 50), st.integers(0, 1000))
def test_one_request_of_each_stretch_is_drawn(every: int, seed: int):
    sample = AnswerSample(every, seed)
    drawn = [sample.draw() for _ in range(40)]
    assert [ordinal // every for ordinal in drawn] == list(range(40))


def test_every_item_is_met_though_the_stride_divides_the_pool():
    sample = AnswerSample(every=16, seed=0)
    assert {sample.draw() % 64 for _ in range(1000)} == set(range(64))


def test_the_right_answer_is_right():
    assert check(lambda _: RIGHT) == (1, "")


def test_an_answer_within_the_tolerance_is_right():
    near = RIGHT | {"scores": np.array([[0.009, 0.991, np.inf]], np.float64)}
    assert check(lambda _: near) == (1, "")


def test_each_output_has_its_own_tolerance():
    expected = {"share": np.array([0.5]), "length": np.array([1000.0])}
    tolerance = {"share": 0.001, "length": 1.0}
    assert check(lambda _: {"share": np.array([0.5005]), "length": np.array([1000.5])}, expected, tolerance)[0] == 1
    correct, fault = check(lambda _: {"share": np.array([1.0]), "length": np.array([1000.5])}, expected, tolerance)
    assert (correct, fault) == (0, "item 7: output 'share' differs by 0.5, tolerance 0.001")


@pytest.mark.parametrize("tolerance", [{}, {"y": 0}, {"x": 5.0}])
@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        (np.array([1.0, np.inf]), np.array([1.0 + 1e-15, np.inf])),
        (np.array([True, False]), np.array([True, True])),
        (np.array([7], np.uint8), np.array([6], np.uint8)),
        (np.array([2**53], np.int64), np.array([2**53 + 1], np.int64)),
    ],
)
def test_an_output_without_a_tolerance_must_be_equal(
    right: np.ndarray, wrong: np.ndarray, tolerance: Mapping[str, float]
):
    assert check(lambda _: {"y": right.copy()}, {"y": right}, tolerance) == (1, "")
    assert check(lambda _: {"y": wrong}, {"y": right}, tolerance)[0] == 0


def test_outputs_that_nobody_knows_are_passed_over():
    assert check(lambda _: RIGHT | {"more": np.zeros(3)})[0] == 1


@pytest.mark.parametrize(
    ("outputs", "reason"),
    [
        ({}, "'scores' is missing"),
        ({"scores": np.array([[0, 1.02, np.inf]])}, r"'scores' differs by 0.02"),
        ({"scores": np.array([[0, np.nan, np.inf]])}, "'scores' holds NaN"),
        ({"scores": np.array([[0, 1.0, -np.inf]])}, "'scores' differs by inf"),
        ({"scores": np.array([[0, 1.0, 5.0]])}, "'scores' differs by inf"),
        ({"scores": np.array([0, 1.0, np.inf])}, r"shape \[3\], expected \[1, 3\]"),
        ({"scores": np.zeros((1, 0))}, r"shape \[1, 0\]"),
        ({"scores": np.array([[b"0", b"1", b"2"]])}, "dtype"),
        (RIGHT | {"label": np.array([[3]])}, "'label' differs by 1"),
    ],
)
def test_wrong_answers_are_told_apart(outputs: Tensors, reason: str):
    correct, fault = check(lambda _: outputs)
    assert correct == 0
    assert fault.startswith("item 7: ")
    assert re.search(reason, fault)


def test_a_known_answer_that_is_nan_cannot_be_met():
    nan = {"scores": np.array([[np.nan]])}
    assert check(lambda _: {"scores": np.array([[1.0]])}, nan)[0] == 0


def test_strings_must_be_equal():
    expected = {"text": np.array([[b"yes"]])}
    assert check(lambda _: {"text": np.array([[b"yes"]], object)}, expected)[0] == 1
    assert check(lambda _: {"text": np.array([[b"no"]], object)}, expected)[0] == 0
    assert "dtype" in check(lambda _: {"text": np.array([[1.0]])}, expected)[1]


def test_what_cannot_be_read_is_wrong():
    def decode(_: bytes) -> Tensors:
        raise TailbedError("cut off")

    assert check(decode) == (0, "item 7: not an answer: cut off")


def test_large_answers_are_thinned_out_evenly():
    sample = AnswerSample(every=1, seed=0, most_bytes=1000)
    drawn = sample.draw()
    for row in range(1000):
        if row == drawn:
            sample.keep(row, request(0, bytes(100)))
            drawn = sample.draw()
    correct, _ = sample.check(lambda _: RIGHT, lambda _: RIGHT, tolerance={}, rows=1000)
    kept = np.flatnonzero(correct == 1)
    assert 5 <= len(kept) <= 10
    assert np.diff(kept, prepend=0, append=1000).max() <= 400
