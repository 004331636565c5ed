"""Dynamic batching: who is joined with whom, when a batch goes, and that everyone gets their own answer."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from queue import SimpleQueue
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters import Manifest
from models import Tensors, TensorSpec
from servers import ServerError
from servers.inference.batching import Batches, check_batchable, join, split
from servers.inference.instances import ComputeError, Instances
from servers.inference.job import Job
from servers.inference.metrics import ModelMetrics

MINUTE_US = 60_000_000
"""A delay that no test waits for: what is answered sooner did not wait for it."""


class Doubler:
    """Doubles ``x`` and keeps the batches it saw; ``held`` until released. Fails on any negative number."""

    facts: Mapping[str, str] = {}

    def __init__(self) -> None:
        self.seen: list[np.ndarray] = []
        self.computing = threading.Event()
        self.release = threading.Event()

    def run(self, inputs: Tensors) -> dict[str, np.ndarray]:
        self.computing.set()
        assert self.release.wait(30)
        self.seen.append(inputs["x"])
        if (inputs["x"] < 0).any():
            raise RuntimeError("negative\nand more")
        return {"y": inputs["x"] * 2}

    @property
    def sizes(self) -> list[int]:
        return [len(batch) for batch in self.seen]


def _x(*values: float, width: int = 1) -> dict[str, np.ndarray]:
    return {"x": np.repeat(np.array(values, dtype=np.float32)[:, None], width, axis=1)}


def _run(instances: Instances, body: Callable[[], Awaitable[object]]) -> None:
    async def main() -> None:
        await instances.start()
        try:
            await asyncio.wait_for(body(), 30)
        finally:
            instances.close()

    asyncio.run(main())


async def _behind_one(model: Doubler, instances: Instances, requests: list[dict[str, np.ndarray]]) -> list[Any]:
    """The answers to ``requests`` that all wait while one more, of 99, is computed."""
    first = asyncio.create_task(instances.run(_x(99)))
    await asyncio.to_thread(model.computing.wait, 30)
    waiting = [asyncio.create_task(instances.run(inputs)) for inputs in requests]
    await asyncio.sleep(0)  # they are queued now
    model.release.set()
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert (await first)["y"].tolist() == [[198]]
    return answers


def _metric(metrics: ModelMetrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"tailbed_{name}", {"model": "m", **labels})


def test_waiting_requests_are_joined_in_order_and_answered_each_with_its_own() -> None:
    model, metrics = Doubler(), ModelMetrics("m", batching=True)
    instances = Instances(1, lambda: model, metrics, max_batch=4)
    requests = [_x(1), _x(2, 3), _x(4), _x(5), _x(6, 7, 8), _x(9)]

    async def body() -> None:
        answers = await _behind_one(model, instances, requests)
        assert [answer["y"].tolist() for answer in answers] == [(inputs["x"] * 2).tolist() for inputs in requests]

    _run(instances, body)
    assert [batch.ravel().tolist() for batch in model.seen] == [[99], [1, 2, 3, 4], [5, 6, 7, 8], [9]]
    assert _metric(metrics, "batch_size_count") == 4
    assert _metric(metrics, "batch_size_sum") == 10
    assert _metric(metrics, "batch_size_bucket", le="1.0") == 2


def test_what_does_not_fit_closes_the_batch_so_that_nobody_is_overtaken() -> None:
    model = Doubler()
    instances = Instances(1, lambda: model, ModelMetrics("m"), max_batch=4)

    async def body() -> None:
        # The last of one item would fit with the first, but three came before it.
        await _behind_one(model, instances, [_x(1), _x(2, 3, 4, 5), _x(6)])

    _run(instances, body)
    assert [batch.ravel().tolist() for batch in model.seen] == [[99], [1], [2, 3, 4, 5], [6]]


def test_requests_of_other_shapes_are_not_joined() -> None:
    model = Doubler()
    instances = Instances(1, lambda: model, ModelMetrics("m"), max_batch=8)
    requests = [_x(1), _x(2), _x(3, width=2), _x(4, width=2), _x(5)]

    async def body() -> None:
        answers = await _behind_one(model, instances, requests)
        assert [answer["y"].shape for answer in answers] == [(1, 1), (1, 1), (1, 2), (1, 2), (1, 1)]

    _run(instances, body)
    assert [batch.shape for batch in model.seen] == [(1, 1), (2, 1), (2, 2), (1, 1)]


def test_a_request_larger_than_the_largest_batch_is_computed_alone() -> None:
    model = Doubler()
    instances = Instances(1, lambda: model, ModelMetrics("m"), max_batch=2)

    async def body() -> None:
        answers = await _behind_one(model, instances, [_x(1), _x(2, 3, 4), _x(5)])
        assert answers[1]["y"].ravel().tolist() == [4, 6, 8]

    _run(instances, body)
    assert model.sizes == [1, 1, 3, 1]


def test_a_poisonous_request_fails_alone(caplog: pytest.LogCaptureFixture) -> None:
    model, metrics = Doubler(), ModelMetrics("m", batching=True)
    instances = Instances(1, lambda: model, metrics, max_batch=8)

    async def body() -> None:
        one, bad, three = await _behind_one(model, instances, [_x(1), _x(-2), _x(3)])
        assert (one["y"].item(), three["y"].item()) == (2, 6)
        assert isinstance(bad, ComputeError)
        assert str(bad) == "the runtime failed: RuntimeError: negative"

    _run(instances, body)
    assert model.sizes == [1, 3, 1, 1, 1]
    assert "a batch of 3 requests failed, each is computed alone: RuntimeError: negative" in caplog.text
    for name in ("queue", "compute"):
        assert _metric(metrics, f"{name}_duration_seconds_count") == 4, "every request once"
    assert _metric(metrics, "batch_size_sum") == 4, "every item once"


def test_an_answer_of_another_length_is_nobodys() -> None:
    class Summing(Doubler):
        def run(self, inputs: Tensors) -> dict[str, np.ndarray]:
            return {"y": super().run(inputs)["y"].sum(axis=0, keepdims=True)}

    model = Summing()
    instances = Instances(1, lambda: model, ModelMetrics("m"), max_batch=8)

    async def body() -> None:
        one, two = await _behind_one(model, instances, [_x(1), _x(2)])
        assert (one["y"].item(), two["y"].item()) == (2, 4)

    _run(instances, body)
    assert model.sizes == [1, 2, 1, 1]


def test_clients_that_have_gone_are_not_computed() -> None:
    model = Doubler()
    instances = Instances(1, lambda: model, ModelMetrics("m"), max_batch=8)

    async def body() -> None:
        first = asyncio.create_task(instances.run(_x(99)))
        await asyncio.to_thread(model.computing.wait, 30)
        tasks = [asyncio.create_task(instances.run(_x(number))) for number in range(4)]
        await asyncio.sleep(0)
        tasks[0].cancel()
        tasks[2].cancel()
        await asyncio.sleep(0)
        model.release.set()
        await asyncio.gather(first, tasks[1], tasks[3])

    _run(instances, body)
    assert [batch.ravel().tolist() for batch in model.seen] == [[99], [1, 3]]


def test_a_client_that_goes_while_its_batch_waits_is_dropped_and_the_instance_goes_on() -> None:
    model = Doubler()
    model.release.set()
    instances = Instances(1, lambda: model, ModelMetrics("m"), max_batch=3, max_delay_us=MINUTE_US)

    async def body() -> None:
        gone = asyncio.create_task(instances.run(_x(1)))
        await asyncio.sleep(0.05)  # its batch is being made now
        gone.cancel()
        answers = await asyncio.gather(instances.run(_x(2)), instances.run(_x(3)))
        assert [answer["y"].item() for answer in answers] == [4, 6]

    _run(instances, body)
    assert model.seen[0].ravel().tolist() == [2, 3]


@pytest.mark.parametrize("count", [1, 2])
def test_a_full_batch_does_not_wait_for_the_delay(count: int) -> None:
    """With two instances as well, which must not both wait with half of a batch."""
    model = Doubler()
    model.release.set()
    instances = Instances(count, lambda: model, ModelMetrics("m"), max_batch=4, max_delay_us=MINUTE_US)

    async def body() -> None:
        await asyncio.gather(instances.run(_x(1)), instances.run(_x(2, 3)), instances.run(_x(4)))

    _run(instances, body)
    assert model.sizes == [4]


def test_a_lone_request_waits_for_the_delay_and_no_longer_than_it_must() -> None:
    model, metrics = Doubler(), ModelMetrics("m", batching=True)
    model.release.set()
    instances = Instances(1, lambda: model, metrics, max_batch=4, max_delay_us=100_000)
    _run(instances, lambda: instances.run(_x(1)))
    waited = _metric(metrics, "queue_duration_seconds_sum")
    assert waited is not None
    assert waited >= 0.1


def test_the_delay_counts_from_the_arrival() -> None:
    asyncio.run(_take_one_that_arrived_long_ago())


async def _take_one_that_arrived_long_ago() -> None:
    jobs: SimpleQueue[Job | None] = SimpleQueue()
    now = time.perf_counter()
    old = Job(_x(1), asyncio.get_running_loop().create_future(), now - 61)
    new = Job(_x(2), asyncio.get_running_loop().create_future(), now)
    jobs.put(old)
    jobs.put(new)
    batches = Batches(jobs, max_items=8, max_delay_s=60)
    assert batches.take() == [old, new]  # what waits is joined, and nothing is waited for
    assert time.perf_counter() - now < 30


def test_without_a_delay_nothing_is_waited_for() -> None:
    model = Doubler()
    model.release.set()
    instances = Instances(1, lambda: model, ModelMetrics("m"), max_batch=8)
    _run(instances, lambda: instances.run(_x(1)))
    assert model.sizes == [1]


def test_closing_ends_an_instance_that_makes_a_batch() -> None:
    model = Doubler()
    model.release.set()
    instances = Instances(2, lambda: model, ModelMetrics("m"), max_batch=8, max_delay_us=MINUTE_US)

    async def main() -> None:
        await instances.start()
        answer = asyncio.create_task(instances.run(_x(1)))
        await asyncio.sleep(0.05)
        await asyncio.to_thread(instances.close)
        assert (await asyncio.wait_for(answer, 30))["y"].item() == 2
        names = {thread.name for thread in threading.enumerate()}
        assert not names & {"instance-0", "instance-1"}

    asyncio.run(main())


def test_the_times_of_a_request_are_those_of_its_batch() -> None:
    class Slow(Doubler):
        def run(self, inputs: Tensors) -> dict[str, np.ndarray]:
            time.sleep(0.05)
            return super().run(inputs)

    model, metrics = Slow(), ModelMetrics("m", batching=True)
    model.release.set()
    instances = Instances(1, lambda: model, metrics, max_batch=4, max_delay_us=MINUTE_US)

    async def body() -> None:
        await asyncio.gather(*(instances.run(_x(number)) for number in range(4)))

    _run(instances, body)
    assert model.sizes == [4]
    assert _metric(metrics, "compute_duration_seconds_count") == 4
    compute_s = _metric(metrics, "compute_duration_seconds_sum")
    assert compute_s is not None
    assert compute_s >= 4 * 0.05


def test_off_is_off() -> None:
    """Every request alone, its very own arrays, and no metric that nothing is counted in."""
    model, metrics = Doubler(), ModelMetrics("m")
    instances = Instances(1, lambda: model, metrics)
    requests = [_x(1), _x(2), _x(3)]

    async def body() -> None:
        await _behind_one(model, instances, requests)

    _run(instances, body)
    assert all(seen is inputs["x"] for seen, inputs in zip(model.seen[1:], requests, strict=True))
    assert _metric(metrics, "batch_size_count") is None


@given(st.lists(st.integers(0, 5), min_size=1, max_size=8), st.sampled_from(["float32", "int64", "object"]))
def test_what_is_joined_is_split_again(sizes: list[int], dtype: str) -> None:
    def arrays(size: int) -> dict[str, np.ndarray]:
        return {"a": np.arange(size * 3).reshape(size, 3).astype(dtype), "b": np.arange(size).astype(dtype)}

    requests = [arrays(size) for size in sizes]
    for request, part in zip(requests, split(join(requests), requests), strict=True):
        for name, array in request.items():
            assert part[name].dtype == array.dtype
            np.testing.assert_array_equal(part[name], array)


@pytest.mark.parametrize(
    ("inputs", "outputs", "line"),
    [
        ((1, 2), ("batch", 2), r"max_batch above 1: input 'x' of m has no batch axis \(its shape is \[1, 2\]\)"),
        (("batch", 2), (), r"max_batch above 1: output 'x' of m has no batch axis \(its shape is \[\]\)"),
    ],
)
def test_a_model_without_a_batch_axis_is_refused(inputs: tuple[Any, ...], outputs: tuple[Any, ...], line: str) -> None:
    specs = [(TensorSpec("x", "float32", shape),) for shape in (inputs, outputs)]
    with pytest.raises(ServerError, match=line):
        check_batchable(Manifest.model_construct(model="m", inputs=specs[0], outputs=specs[1]))
