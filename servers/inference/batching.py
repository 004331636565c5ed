"""Dynamic batching: requests that wait are computed together, and each gets its own part of the answer.

The rules are those of Triton's dynamic batcher without preferred sizes ("Dynamic Batcher", NVIDIA Triton Inference
Server user guide, https://docs.nvidia.com/deeplearning/triton-inference-server/user-guide/docs/batcher.html).
Requests are taken in the order of their arrival. A batch goes as soon as it is full, as the next request does not fit
into it, or as its oldest request has waited for the longest delay since it arrived; a delay of zero joins what is
waiting already. One thing differs: a request larger than the largest batch is computed alone, where Triton refuses it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from queue import Empty, SimpleQueue

import numpy as np

from exporters.artifact import Manifest
from models import Tensors
from servers.errors import ServerError
from servers.inference.job import Job


class Batches:
    """Makes batches of the jobs in a queue, for any number of threads; None in the queue ends one thread each.

    Args:
        jobs: where they arrive.
        max_items: most items of a batch, over all its requests.
        max_delay_s: longest time that a request waits for others, since it was queued.
    """

    def __init__(self, jobs: SimpleQueue[Job | None], *, max_items: int, max_delay_s: float) -> None:
        self._jobs = jobs
        self._max_items = max_items
        self._max_delay_s = max_delay_s
        # One batch is made at a time: two instances that wait would part those who could go together.
        self._making = threading.Lock()
        self._first: Job | None = None

    def take(self) -> list[Job] | None:
        """Wait for the next batch; None at the end.

        A job that is cancelled while its batch is made keeps its place in it.
        """
        with self._making:
            first, self._first = self._first or self._jobs.get(), None
            while first is not None and first.answer.cancelled():  # the client has gone
                first = self._jobs.get()
            if first is None:
                return None
            batch, size = [first], items(first.inputs)
            while size < self._max_items:
                try:
                    job = self._next(first.queued_s + self._max_delay_s)
                except Empty:
                    break
                if job is None:
                    self._jobs.put(None)
                    break
                if job.answer.cancelled():
                    continue
                size += items(job.inputs)
                if size > self._max_items or not alike(first.inputs, job.inputs):
                    self._first = job
                    break
                batch.append(job)
            return batch

    def _next(self, until_s: float) -> Job | None:
        left_s = until_s - time.perf_counter()
        return self._jobs.get(timeout=left_s) if left_s > 0 else self._jobs.get_nowait()


def items(inputs: Tensors) -> int:
    """How many items a request has."""
    return len(next(iter(inputs.values())))


def alike(one: Tensors, other: Tensors) -> bool:
    """Whether all inputs have the same lengths but for the batch axis."""
    return all(array.shape[1:] == other[name].shape[1:] for name, array in one.items())


def join(requests: Sequence[Tensors]) -> Tensors:
    """The inputs of all requests behind one another."""
    return {name: np.concatenate([inputs[name] for inputs in requests]) for name in requests[0]}


def split(outputs: Tensors, requests: Sequence[Tensors]) -> list[dict[str, np.ndarray]]:
    """Each request's own part of the outputs.

    Raises:
        ValueError: an output has not one entry for each item.
    """
    ends = np.cumsum([items(inputs) for inputs in requests])
    for name, array in outputs.items():
        if len(array) != ends[-1]:
            raise ValueError(f"output {name!r} has {len(array)} entries for a batch of {ends[-1]} items")
    parts = {name: np.split(array, ends[:-1]) for name, array in outputs.items()}
    return [{name: parts[name][index] for name in outputs} for index in range(len(requests))]


def check_batchable(manifest: Manifest) -> None:
    """Check that requests for the model can be joined.

    Raises:
        ServerError: an input or an output has no batch axis.
    """
    for kind, specs in (("input", manifest.inputs), ("output", manifest.outputs)):
        for spec in specs:
            if not spec.shape or not isinstance(spec.shape[0], str):
                raise ServerError(
                    f"max_batch above 1: {kind} {spec.name!r} of {manifest.model} has no batch axis "
                    f"(its shape is {list(spec.shape)}), so requests cannot be joined"
                )
