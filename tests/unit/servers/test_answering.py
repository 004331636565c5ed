"""What is answered to a batch of another stack's."""

import numpy as np
import pytest

from models import TailbedError, TensorMismatch, Tensors, TensorSpec
from servers.inference.answering import answers
from servers.inference.instances import ComputeError

SPECS = (TensorSpec("x", "int64", ("batch", 2)),)


class Doubling:
    """A model that cannot compute 13."""

    def __init__(self) -> None:
        self.facts: dict[str, str] = {}
        self.sizes: list[int] = []

    def run(self, inputs: Tensors) -> dict[str, np.ndarray]:
        self.sizes.append(len(inputs["x"]))
        if 13 in inputs["x"]:
            raise OverflowError("13 is\ntoo much")
        return {"y": inputs["x"] * 2}


def _requests(*values: int) -> list[dict[str, np.ndarray]]:
    """Requests of one item, two items and so on."""
    return [{"x": np.full((1 + index, 2), value)} for index, value in enumerate(values)]


def test_requests_are_computed_together_and_each_gets_its_part() -> None:
    model, requests = Doubling(), _requests(1, 2, 3)
    for found, inputs in zip(answers(model, SPECS, requests), requests, strict=True):
        assert not isinstance(found, TailbedError)
        np.testing.assert_array_equal(found["y"], inputs["x"] * 2, strict=True)
    assert model.sizes == [6]


def test_a_request_that_does_not_fit_is_refused_and_the_others_are_computed() -> None:
    model, requests = Doubling(), _requests(1, 2, 3)
    requests[1] = {"x": np.zeros((2, 2))}
    found = answers(model, SPECS, requests)
    assert isinstance(found[1], TensorMismatch)
    assert str(found[1]) == "tensor 'x' has dtype float64, expected int64"
    assert model.sizes == [4]
    assert [None if isinstance(each, TailbedError) else len(each["y"]) for each in found] == [1, None, 3]


def test_requests_whose_other_axes_differ_are_computed_apart() -> None:
    model = Doubling()
    specs = (TensorSpec("x", "int64", ("batch", "length")),)
    requests = [{"x": np.full((1, length), length)} for length in (2, 3, 2)]
    found = answers(model, specs, requests)
    assert [each["y"].tolist() for each in found if isinstance(each, dict)] == [[[4, 4]], [[6, 6, 6]], [[4, 4]]]
    assert model.sizes == [2, 1]


def test_a_request_that_fails_does_not_take_the_others_with_it(caplog: pytest.LogCaptureFixture) -> None:
    model = Doubling()
    found = answers(model, SPECS, _requests(1, 13, 3))
    assert isinstance(found[1], ComputeError)
    assert str(found[1]) == "the runtime failed: OverflowError: 13 is too much"
    assert [None if isinstance(each, TailbedError) else len(each["y"]) for each in found] == [1, None, 3]
    assert model.sizes == [6, 1, 2, 3]
    assert "a batch of 3 requests failed, each is computed alone: OverflowError: 13 is too much" in caplog.text


def test_one_that_fails_alone_is_computed_once() -> None:
    model = Doubling()
    (found,) = answers(model, SPECS, _requests(13))
    assert isinstance(found, TailbedError)
    assert model.sizes == [1]
