"""Model instances: threads of their own, one queue, and an event loop that never waits."""

import asyncio
import threading
import time
from collections.abc import Callable, Mapping

import numpy as np
import pytest

from models import Tensors
from servers.inference.instances import ComputeError, Instances
from servers.inference.metrics import ModelMetrics

INPUTS = {"x": np.zeros(1)}


class FakeModel:
    facts: Mapping[str, str] = {}

    def __init__(self, compute: Callable[[Tensors], dict[str, np.ndarray]]) -> None:
        self.run = compute


def _metric(metrics: ModelMetrics, name: str) -> float:
    value = metrics.registry.get_sample_value(f"tailbed_{name}", {"model": "m"})
    assert value is not None
    return value


def _run(instances: Instances, body: Callable[[], object]) -> None:
    async def main() -> None:
        await instances.start()
        try:
            await body()  # type: ignore[misc]
        finally:
            instances.close()

    asyncio.run(main())


def test_each_instance_is_loaded_and_computes_on_a_thread_of_its_own() -> None:
    loaded_on: list[int] = []
    ran_on: list[tuple[int, int]] = []
    together = threading.Barrier(3, timeout=30)

    def load() -> FakeModel:
        home = threading.get_ident()
        loaded_on.append(home)

        def compute(inputs: Tensors) -> dict[str, np.ndarray]:
            together.wait()  # passes only if all three compute at the same time
            ran_on.append((home, threading.get_ident()))
            return dict(inputs)

        return FakeModel(compute)

    instances = Instances(3, load, ModelMetrics("m"))

    async def body() -> None:
        await asyncio.gather(*(instances.run(INPUTS) for _ in range(3)))

    _run(instances, body)
    assert len(set(loaded_on)) == 3
    assert {home for home, _ in ran_on} == set(loaded_on)
    assert all(home == thread for home, thread in ran_on)
    assert threading.get_ident() not in loaded_on


def test_the_event_loop_goes_on_while_an_instance_computes() -> None:
    release = threading.Event()

    def compute(inputs: Tensors) -> dict[str, np.ndarray]:
        assert release.wait(30)
        return dict(inputs)

    instances = Instances(1, lambda: FakeModel(compute), ModelMetrics("m"))

    async def body() -> None:
        answer = asyncio.create_task(instances.run(INPUTS))
        await asyncio.sleep(0.05)
        assert not answer.done()
        release.set()  # only a loop that is not blocked gets here
        assert list(await answer) == ["x"]

    _run(instances, body)


def test_requests_are_computed_in_order_of_arrival() -> None:
    seen: list[int] = []

    def compute(inputs: Tensors) -> dict[str, np.ndarray]:
        seen.append(int(inputs["x"][0]))
        return dict(inputs)

    instances = Instances(1, lambda: FakeModel(compute), ModelMetrics("m"))

    async def body() -> None:
        answers = await asyncio.gather(*(instances.run({"x": np.array([number])}) for number in range(50)))
        assert [int(answer["x"][0]) for answer in answers] == list(range(50))

    _run(instances, body)
    assert seen == list(range(50))


def test_queue_time_and_compute_time_are_told_apart() -> None:
    def compute(inputs: Tensors) -> dict[str, np.ndarray]:
        time.sleep(0.05)
        return dict(inputs)

    metrics = ModelMetrics("m")
    instances = Instances(1, lambda: FakeModel(compute), metrics)

    async def body() -> None:
        await asyncio.gather(*(instances.run(INPUTS) for _ in range(4)))

    _run(instances, body)
    for name in ("queue", "compute"):
        assert _metric(metrics, f"{name}_duration_seconds_count") == 4
    assert _metric(metrics, "compute_duration_seconds_sum") >= 4 * 0.05
    assert _metric(metrics, "queue_duration_seconds_sum") >= (0 + 1 + 2 + 3) * 0.05  # each waits for those before it


def test_a_runtime_that_fails_is_told_and_the_instance_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    def compute(inputs: Tensors) -> dict[str, np.ndarray]:
        if inputs["x"][0] < 0:
            raise RuntimeError("negative\nand more")
        return dict(inputs)

    metrics = ModelMetrics("m")
    instances = Instances(1, lambda: FakeModel(compute), metrics)

    async def body() -> None:
        with pytest.raises(ComputeError, match=r"the runtime failed: RuntimeError: negative$"):
            await instances.run({"x": np.array([-1.0])})
        assert list(await instances.run(INPUTS)) == ["x"]

    _run(instances, body)
    assert "RuntimeError: negative" in caplog.text
    assert _metric(metrics, "compute_duration_seconds_count") == 2


def test_what_fails_to_load_is_raised_where_loading_is_awaited() -> None:
    def load() -> FakeModel:
        raise ValueError("no model")

    instances = Instances(2, load, ModelMetrics("m"))
    with pytest.raises(ValueError, match="no model"):
        asyncio.run(instances.start())
    instances.close()


def test_a_request_whose_client_has_gone_is_not_computed() -> None:
    release = threading.Event()
    computed: list[int] = []

    def compute(inputs: Tensors) -> dict[str, np.ndarray]:
        release.wait(30)
        computed.append(int(inputs["x"][0]))
        return dict(inputs)

    instances = Instances(1, lambda: FakeModel(compute), ModelMetrics("m"))

    async def body() -> None:
        first, second, third = (asyncio.create_task(instances.run({"x": np.array([n])})) for n in range(3))
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.sleep(0)
        release.set()
        await asyncio.gather(first, third)

    _run(instances, body)
    assert computed == [0, 2]


def test_closing_waits_for_what_is_being_computed() -> None:
    done = threading.Event()

    def compute(inputs: Tensors) -> dict[str, np.ndarray]:
        time.sleep(0.1)
        done.set()
        return dict(inputs)

    instances = Instances(1, lambda: FakeModel(compute), ModelMetrics("m"))

    async def body() -> None:
        answer = asyncio.create_task(instances.run(INPUTS))
        await asyncio.sleep(0.01)
        instances.close()
        assert done.is_set()
        await answer

    _run(instances, body)
