"""The order of runs: complete blocks, shuffled by the seed."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from loadtest.scenario import ClosedLoop, OpenLoop
from servers import Deployment
from tailbed.experiment.order import order_runs
from tailbed.suite import Candidate, Suite


def deployments(count: int, variants: tuple[str | None, ...] = (None,)) -> list[Candidate]:
    """So many artifacts on each of two stacks, with each of these settings."""
    artifacts: list[Any] = [SimpleNamespace(ref=f"m/f{number}/fp32", folder=Path()) for number in range(count)]
    return [
        Candidate(Deployment(artifact, stack), variant)
        for artifact in artifacts
        for stack in ("fastapi", "grpc")
        for variant in variants
    ]


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
    runs = order_runs(suite(blocks, seed, arms), deployments(count))
    cells = count * 2 * 2 * arms
    assert [run.number for run in runs] == list(range(1, blocks * cells + 1))
    for block in range(1, blocks + 1):
        inside = runs[(block - 1) * cells : block * cells]
        assert {run.block for run in inside} == {block}
        assert sorted(run.place for run in inside) == list(range(cells))
    assert len({run.name for run in runs}) == len(runs)
    again = order_runs(suite(blocks, seed, arms), deployments(count))
    assert [run.place for run in again] == [run.place for run in runs]


def test_blocks_are_shuffled_each_in_its_own_way() -> None:
    runs = order_runs(suite(8, 1), deployments(3))
    orders = {tuple(run.place for run in runs if run.block == block) for block in range(1, 9)}
    assert len(orders) > 6
    assert tuple(range(12)) not in orders
    other = order_runs(suite(8, 2), deployments(3))
    assert [run.place for run in other] != [run.place for run in runs]


def test_each_deployment_is_measured_with_each_of_several_settings() -> None:
    runs = order_runs(suite(1, 1), deployments(1, ("single", "batched")))
    found = [(run.candidate.stack, run.candidate.variant or "", run.scenario.label) for run in runs]
    assert sorted(found) == [
        (stack, variant, scenario)
        for stack in ("fastapi", "grpc")
        for variant in ("batched", "single")
        for scenario in ("closed x1", "poisson 10/s")
    ]
    assert len({run.name for run in runs}) == len(runs)
    assert {run.title for run in runs} >= {"m/f0/fp32 on grpc with batched, closed x1"}
