"""The order of runs: complete blocks, shuffled by the seed."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from loadtest.scenario import ClosedLoop, OpenLoop
from tailbed.experiment.order import order_runs
from tailbed.suite import Suite


def artifacts(count: int) -> list[Any]:
    return [SimpleNamespace(ref=f"m/f{number}/fp32", folder=Path()) for number in range(count)]


def suite(blocks: int, seed: int, arms: int = 1) -> Suite:
    return Suite(
        name="s",
        models=("digits",),
        formats=("onnx",),
        stacks=("fastapi", "grpc"),
        scenarios=(ClosedLoop(), OpenLoop(rate=10)),
        blocks=blocks,
        arms=arms,
        seed=seed,
    )


@given(st.integers(1, 9), st.integers(0, 2**40), st.integers(1, 2), st.integers(1, 3))
def test_every_block_has_every_cell_once(blocks: int, seed: int, arms: int, count: int) -> None:
    runs = order_runs(suite(blocks, seed, arms), artifacts(count))
    cells = count * 2 * 2 * arms
    assert [run.number for run in runs] == list(range(1, blocks * cells + 1))
    for block in range(1, blocks + 1):
        inside = runs[(block - 1) * cells : block * cells]
        assert {run.block for run in inside} == {block}
        assert sorted(run.place for run in inside) == list(range(cells))
    assert len({run.name for run in runs}) == len(runs)
    again = order_runs(suite(blocks, seed, arms), artifacts(count))
    assert [run.place for run in again] == [run.place for run in runs]


def test_blocks_are_shuffled_each_in_its_own_way() -> None:
    runs = order_runs(suite(8, 1), artifacts(3))
    orders = {tuple(run.place for run in runs if run.block == block) for block in range(1, 9)}
    assert len(orders) > 6
    assert tuple(range(12)) not in orders
    other = order_runs(suite(8, 2), artifacts(3))
    assert [run.place for run in other] != [run.place for run in runs]
