"""Requests between intended and done: how many may be outstanding, for how long, and how each one ends."""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import Callable
from time import monotonic_ns

from loadtest.engine.answers import AnswerSample
from loadtest.engine.recorder import Recorder
from loadtest.plan import Share
from loadtest.records import Outcome
from loadtest.transport.transport import Request, Transport

_MIN_SWEEP_NS = 2_000_000


class Flight:
    """Takes requests when they are due, hands them to the transport, and records each one's end, whatever it is.

    Attributes:
        open: the requests that the transport has, in the order in which they were intended.
        cap_hits: requests that found ``most`` outstanding and had to wait here.
        activity: grows with every request sent or ended; a stretch over which it stands still was idle.
        largest_answer: bytes, of those that were kept, and of the first one in any case.
        transport: to be set before the first request.
        ended: told of each end: when, CLOCK_MONOTONIC, and the outcome.
    """

    def __init__(
        self,
        *,
        items: int,
        share: Share,
        most: int,
        timeout_ns: int,
        recorder: Recorder,
        sample: AnswerSample | None,
    ) -> None:
        self._items = items
        # Each request gets the item that it would get from one engine that sends them all.
        self._first_item, self._item_step = share.index, share.of
        self._most = most
        self._timeout_ns = timeout_ns
        self._recorder = recorder
        self._sample = sample
        self._offered = 0
        self._next_kept = sample.draw() if sample else 0
        self._waiting: deque[Request] = deque()
        # An ordered set whose oldest member is found, and any member removed, without a search.
        self.open: dict[Request, None] = {}
        self.cap_hits = 0
        self.activity = 0
        self.largest_answer = 0
        self.transport: Transport
        self.ended: Callable[[int, int], None] = lambda _now_ns, _outcome: None

    @property
    def empty(self) -> bool:
        """Whether every request offered has ended."""
        return not self.open and not self._waiting

    def offer(self, intended_ns: int) -> None:
        """Send the next request now; it was intended at ``intended_ns``."""
        ordinal = self._offered
        self._offered = ordinal + 1
        keep = ordinal >= self._next_kept
        if keep:
            self._next_kept = self._sample.draw() if self._sample else sys.maxsize
        request = Request(intended_ns, (self._first_item + ordinal * self._item_step) % self._items, keep)
        if len(self.open) < self._most:
            self._submit(request)
        else:
            self.cap_hits += 1
            self._waiting.append(request)

    def done(self, request: Request, now_ns: int, outcome: int) -> None:
        """The transport's report of a request's end."""
        del self.open[request]
        if self._waiting:
            self._submit(self._waiting.popleft())
        self._end(request, now_ns, outcome)

    def restart_pool(self) -> None:
        """Let the next request be of the pool's first item."""
        self._offered += -self._offered % self._items

    def watch(self, loop: asyncio.AbstractEventLoop, exclude: Callable[[int], None]) -> None:
        """Time requests out from now on; ``exclude`` is told since when something else than sends and ends was done."""
        self._exclude = exclude
        self._sweep(loop)

    def abandon(self) -> None:
        """Give up all that is left."""
        self._give_up(lambda _: True, Outcome.STOPPED)

    def _submit(self, request: Request) -> None:
        self.open[request] = None
        self.activity += 1
        self.transport.submit(request)

    def _end(self, request: Request, now_ns: int, outcome: int) -> None:
        self.activity += 1
        if request.keep and outcome == Outcome.OK:
            self.largest_answer = max(self.largest_answer, len(request.answer))
            if self._sample:
                began_ns = monotonic_ns()
                self._sample.keep(self._recorder.rows, request)
                self._exclude(began_ns)
        self._recorder.add(request, now_ns, outcome)
        self.ended(now_ns, outcome)

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        # All have the same timeout, so none can expire before the oldest one: no timer for each request is needed.
        began_ns = monotonic_ns()
        limit_ns = began_ns - self._timeout_ns
        self._give_up(lambda request: request.intended_ns <= limit_ns, Outcome.TIMEOUT)
        self._exclude(began_ns)
        now_ns = monotonic_ns()
        oldest_ns = next((request.intended_ns for request in self.open), now_ns)
        wait_ns = max(oldest_ns + self._timeout_ns - now_ns, _MIN_SWEEP_NS)
        loop.call_later(wait_ns / 1e9, self._sweep, loop)

    def _give_up(self, expired: Callable[[Request], bool], outcome: Outcome) -> None:
        while self.open and expired(oldest := next(iter(self.open))):
            del self.open[oldest]
            self.transport.cancel(oldest)
            self._end(oldest, monotonic_ns(), outcome)
        while self._waiting and expired(self._waiting[0]):
            self._end(self._waiting.popleft(), monotonic_ns(), outcome)
        while self._waiting and len(self.open) < self._most:
            self._submit(self._waiting.popleft())
