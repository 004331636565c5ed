"""Model instances: each one is loaded and computes on a thread of its own, so that the event loop never waits."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import TypeVar

import numpy as np

from models import TailbedError, Tensors
from servers.inference.batching import Batches, items, join, split
from servers.inference.job import Job
from servers.inference.metrics import ModelMetrics
from servers.runtimes import LoadedModel

T = TypeVar("T")
_log = logging.getLogger(__name__)
_CLOSE_S = 1.0


class ComputeError(TailbedError):
    """The runtime failed on inputs that fit the specifications."""


class Instances:
    """``count`` instances that take requests from one queue, in order of arrival.

    A queue and threads of our own, where an executor would cost some 30 microseconds more a request.

    Args:
        count: instances that compute at the same time.
        load: makes one; it is called on the instance's own thread.
        metrics: where queue and compute times go.
        max_batch: most items that are computed together; 1 computes every request alone, at no extra cost.
        max_delay_us: longest time that a request waits for others to join it.
    """

    def __init__(
        self,
        count: int,
        load: Callable[[], LoadedModel],
        metrics: ModelMetrics,
        *,
        max_batch: int = 1,
        max_delay_us: int = 0,
    ) -> None:
        self._count = count
        self._load = load
        self._metrics = metrics
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._batches = (
            Batches(self._jobs, max_items=max_batch, max_delay_s=max_delay_us / 1e6) if max_batch > 1 else None
        )
        self._threads: list[threading.Thread] = []

    async def start(self) -> None:
        """Load the instances, one after another: libraries have settings that are the process's own."""
        self._loop = asyncio.get_running_loop()
        for number in range(self._count):
            loaded: asyncio.Future[None] = self._loop.create_future()
            thread = threading.Thread(target=self._work, args=(loaded,), name=f"instance-{number}", daemon=True)
            self._threads.append(thread)
            thread.start()
            await loaded

    async def run(self, inputs: Tensors) -> dict[str, np.ndarray]:
        """Compute on the next free instance.

        Raises:
            ComputeError: the runtime failed.
        """
        job = Job(inputs, self._loop.create_future(), time.perf_counter())
        self._jobs.put(job)
        return await job.answer

    def close(self) -> None:
        """Let the instances finish what they compute, for a second at most."""
        for _ in self._threads:
            self._jobs.put(None)
        deadline = time.monotonic() + _CLOSE_S
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _work(self, loaded: asyncio.Future[None]) -> None:
        try:
            model = self._load()
        except Exception as error:  # noqa: BLE001  # whatever it is, it is told where the loading is awaited
            self._tell(_fail, loaded, error)
            return
        self._tell(_succeed, loaded, None)
        if self._batches is None:
            while job := self._jobs.get():
                if not job.answer.cancelled():  # else the client has gone
                    self._compute(model, job)
        else:
            while (batch := self._batches.take()) is not None:
                if waited_for := [job for job in batch if not job.answer.cancelled()]:
                    self._compute_together(model, waited_for)

    def _compute(self, model: LoadedModel, job: Job) -> None:
        job.started_s = time.perf_counter()
        try:
            outputs = model.run(job.inputs)
        except Exception as error:  # noqa: BLE001  # libraries raise anything, and the server must go on
            job.done_s = time.perf_counter()
            self._tell(self._failed, job, error)
        else:
            job.done_s = time.perf_counter()
            self._tell(self._computed, job, outputs)

    def _compute_together(self, model: LoadedModel, batch: list[Job]) -> None:
        if len(batch) > 1:
            started_s = time.perf_counter()
            try:
                requests = [job.inputs for job in batch]
                answers = split(model.run(join(requests)), requests)
            except Exception as error:  # noqa: BLE001  # as above
                # One of them may be to blame, and the others must not fail with it.
                _log.warning("a batch of %d requests failed, each is computed alone: %s", len(batch), _told(error))
            else:
                done_s = time.perf_counter()
                for job in batch:
                    job.started_s, job.done_s = started_s, done_s
                self._metrics.computed_together(sum(map(items, requests)))
                self._tell(self._computed_together, batch, answers)
                return
        for job in batch:
            self._metrics.computed_together(items(job.inputs))
            self._compute(model, job)

    def _computed(self, job: Job, outputs: dict[str, np.ndarray]) -> None:
        self._observe(job)
        _succeed(job.answer, outputs)

    def _computed_together(self, batch: list[Job], answers: list[dict[str, np.ndarray]]) -> None:
        for job, outputs in zip(batch, answers, strict=True):
            self._computed(job, outputs)

    def _failed(self, job: Job, error: Exception) -> None:
        self._observe(job)
        failure = ComputeError(f"the runtime failed: {_told(error)}")
        _log.error("%s", failure)
        _fail(job.answer, failure)

    def _observe(self, job: Job) -> None:
        self._metrics.queue.observe(job.started_s - job.queued_s)
        self._metrics.compute.observe(job.done_s - job.started_s)

    def _tell(self, what: Callable[..., None], *arguments: object) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(what, *arguments)


def _succeed(future: asyncio.Future[T], result: T) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: asyncio.Future[T], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)


def _told(error: Exception) -> str:
    first = next(iter(str(error).strip().splitlines()), "")
    return f"{type(error).__name__}: {first}"
