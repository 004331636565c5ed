"""Servers whose truth is known: as models that are simulated, and as records that a model is made of."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from loadtest.records import EngineFacts, Outcome, Records
from tailbed.planning.fleet.simulation import Draw

Sampler = Callable[[np.random.Generator, int], np.ndarray]


@dataclass(frozen=True)
class Known:
    """A replica whose times are drawn from one distribution, or from another where it was idle."""

    times: Sampler
    first: Sampler | None = None
    servers: int = 1
    interruption_s: tuple[float, ...] = ()

    def draws(self, rate: float, rng: np.random.Generator) -> Draw:  # noqa: ARG002  # the same at every rate
        def endless(sampler: Sampler) -> Iterator[float]:
            while True:
                yield from sampler(rng, 4096).tolist()

        usual, first = endless(self.times), endless(self.first or self.times)
        return lambda found, *_: next(first) if not found else next(usual)


def exponential(mean: float) -> Sampler:
    return lambda rng, count: rng.exponential(mean, count)


def constant(value: float) -> Sampler:
    return lambda _, count: np.full(count, value)


def records(
    sent_s: np.ndarray,
    done_s: np.ndarray,
    *,
    warm_s: float = 0.0,
    lag_s: float = 0.0,
    failed: np.ndarray | None = None,
    start_ns: int = 10**15,
) -> Records:
    """Records of requests that were sent and answered then, from a clock that has run for long."""
    sent_ns, done_ns = ((times * 1e9).round().astype(np.int64) + start_ns for times in (sent_s, done_s))
    count = len(sent_ns)
    outcome = np.full(count, Outcome.OK, dtype=np.int32)
    if failed is not None:
        outcome[failed] = Outcome.TIMEOUT
    facts = EngineFacts(
        load_start_ns=start_ns,
        window_start_ns=start_ns + round(warm_s * 1e9),
        window_end_ns=int(sent_ns.max()) + 1,
        finished=True,
        client_busy=0.1,
        spinning=True,
        cap_hits=0,
        checked=0,
        wrong=0,
        first_wrong=None,
    )
    return Records(
        intended_ns=sent_ns - round(lag_s * 1e9),
        sent_ns=sent_ns,
        done_ns=done_ns,
        outcome=outcome,
        input_index=np.zeros(count, dtype=np.int32),
        warmup=sent_ns < facts.window_start_ns,
        correct=np.full(count, -1, dtype=np.int8),
        facts=facts,
    )


def queue(sent_s: np.ndarray, times_s: np.ndarray, servers: int = 1) -> np.ndarray:
    """When requests leave a queue with so many servers, first come first served."""
    free = [-np.inf] * servers
    done = np.empty(len(sent_s))
    for index, (sent, took) in enumerate(zip(sent_s.tolist(), times_s.tolist(), strict=True)):
        done[index] = max(sent, free[0]) + took
        heapq.heapreplace(free, done[index])
    return done


def frontend_on_the_models_core(
    rng: np.random.Generator, rate: float, count: int, beside_many_s: float = 0.5e-3
) -> Records:
    """A server whose frontend has the model's core: it reads each request for 0.5 ms as it comes, before all else.

    One that finds two others or more it reads for ``beside_many_s``. The model computes 1.5 ms with a spread of 10%,
    first come first served, while nothing is to be read.
    """
    sent = np.cumsum(rng.exponential(1 / rate, count))
    compute = np.maximum(1.5e-3 * (1 + 0.1 * rng.standard_normal(count)), 1e-6)
    done = np.empty(count)
    read, first = 0.0, 0
    for index, (now, then) in enumerate(zip(sent.tolist(), [*sent.tolist()[1:], np.inf], strict=True)):
        read += 0.5e-3 if index - first < 2 else beside_many_s
        while first <= index and now < then:
            # One step: what is to be read, or else the first request, until it is done or the next one comes.
            step = min(read or float(compute[first]), then - now)
            now += step
            if read:
                read = max(read - step, 0.0) if step < read else 0.0
                continue
            compute[first] -= step
            if compute[first] <= 1e-12:
                done[first] = now
                first += 1
    return records(sent, done)


def frontend_and_model(rng: np.random.Generator, rate: float, count: int) -> Records:
    """A server as ours are: a frontend before a model, each a thread, and the way to the client behind.

    The frontend takes 0.2 ms for reading and writing a request; it reads the next one while the model computes, which
    takes 1 ms with a spread of 10%. A request to an idle server pays 0.3 ms for waking it up. The network is 0.1 ms.
    """
    sent = np.cumsum(rng.exponential(1 / rate, count))
    wakes = 0.3e-3 * rng.exponential(1.0, count)
    compute = np.maximum(1e-3 * (1 + 0.1 * rng.standard_normal(count)), 0)
    read_free = model_free = 0.0
    done = np.empty(count)
    for index, now in enumerate(sent.tolist()):
        begins = max(now + 0.05e-3, read_free)
        read_free = begins + 0.2e-3
        idle = read_free >= model_free
        model_free = max(read_free + (wakes[index] if idle else 0.0), model_free) + compute[index]
        done[index] = model_free + 0.05e-3
    return records(sent, done)
