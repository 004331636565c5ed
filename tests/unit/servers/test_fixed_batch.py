"""A batch put together from fixed sizes: the answers are those of the items one by one, whatever the sizes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import Tensors
from servers.runtimes.fixed_batch import FixedBatch

batches = st.integers(0, 40)
size_sets = st.lists(st.integers(1, 12), min_size=1, max_size=4)


class _Model:
    """Adds up two inputs of another dtype and rank each; refuses sizes that it was not made for."""

    def __init__(self, sizes: list[int]) -> None:
        self.sizes = sizes
        self.computed: list[np.ndarray] = []

    def run(self, inputs: Tensors) -> dict[str, np.ndarray]:
        numbers, weights = inputs["numbers"], inputs["weights"]
        assert len(numbers) == len(weights)
        assert len(numbers) in self.sizes
        self.computed.append(numbers[:, 0])
        return {"sum": numbers.sum(axis=1) + weights[:, 0, 0], "first": numbers[:, :1].copy()}


def _inputs(items: int) -> dict[str, np.ndarray]:
    numbers = np.arange(1, 2 * items + 1, dtype=np.int32).reshape(items, 2)
    weights = np.linspace(-1, 1, items, dtype=np.float32).reshape(items, 1, 1)
    for array in (numbers, weights):
        array.setflags(write=False)
    return {"numbers": numbers, "weights": weights}


@given(items=batches, sizes=size_sets)
def test_any_batch_at_any_sizes_gives_what_the_items_give_alone(items: int, sizes: list[int]) -> None:
    inputs = _inputs(items)
    outputs = FixedBatch(_Model(sizes).run, sizes).run(inputs)
    alone = _Model([items]).run(inputs)
    assert outputs.keys() == alone.keys()
    for name, expected in alone.items():
        assert outputs[name].dtype == expected.dtype
        assert outputs[name].shape == expected.shape
        assert np.array_equal(outputs[name], expected)


@given(items=st.integers(1, 40), sizes=size_sets)
def test_every_item_is_computed_once_and_only_the_last_one_again(items: int, sizes: list[int]) -> None:
    model = _Model(sizes)
    FixedBatch(model.run, sizes).run(_inputs(items))
    computed, expected = np.concatenate(model.computed), _inputs(items)["numbers"][:, 0]
    assert np.array_equal(computed[:items], expected)
    assert set(computed[items:]) <= {expected[-1]}
    assert len(computed) - items < min(sizes), "filled up further than to the smallest size"
    assert [len(chunk) for chunk in model.computed] == sorted(map(len, model.computed), reverse=True)


@given(items=st.integers(1, 40), sizes=size_sets)
def test_what_fills_a_batch_never_reaches_an_answer(items: int, sizes: list[int]) -> None:
    def number_the_rows(inputs: Tensors) -> dict[str, np.ndarray]:
        """Every answer tells the item that it is for; a filled-up row tells that it is one."""
        item = inputs["item"]
        repeated = np.concatenate([[False], item[1:] == item[:-1]])
        return {"item": np.where(repeated, -1, item)}

    found = FixedBatch(number_the_rows, sizes).run({"item": np.arange(items)})
    assert found["item"].tolist() == list(range(items))


@pytest.mark.parametrize(
    ("items", "sizes", "chunks"),
    [
        (8, [1, 8], [8]),
        (3, [1, 8], [1, 1, 1]),
        (19, [8, 1], [8, 8, 1, 1, 1]),
        (7, [4, 8], [4, 4]),
        (2, [8], [8]),
        (0, [4, 8], [4]),
    ],
)
def test_the_largest_size_that_is_filled_comes_first(items: int, sizes: list[int], chunks: list[int]) -> None:
    model = _Model(sizes)
    FixedBatch(model.run, sizes).run(_inputs(items))
    assert [len(chunk) for chunk in model.computed] == chunks


def test_a_batch_of_one_of_the_sizes_is_not_copied() -> None:
    inputs, seen = _inputs(8), []
    FixedBatch(lambda given: seen.append(given) or {}, [1, 8]).run(inputs)  # type: ignore[func-returns-value]
    assert seen == [inputs]


def test_no_items_are_filled_up_with_zeros() -> None:
    model = _Model([2])
    outputs = FixedBatch(model.run, [2]).run(_inputs(0))
    assert {name: array.shape for name, array in outputs.items()} == {"sum": (0,), "first": (0, 1)}
    assert model.computed[0].tolist() == [0, 0]


@pytest.mark.parametrize("sizes", [[], [0], [8, -1]])
def test_sizes_that_compute_nothing_are_refused(sizes: list[int]) -> None:
    with pytest.raises(ValueError, match="expected one or more, each 1 or more"):
        FixedBatch(dict, sizes)
