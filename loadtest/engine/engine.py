"""One run: everything that a plan asks for, from the first connection to the last row."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import closing
from pathlib import Path
from time import monotonic_ns
from typing import Any, Final

import numpy as np

from loadtest import records, spool
from loadtest.engine import control, process
from loadtest.engine.answers import AnswerSample
from loadtest.engine.flight import Flight
from loadtest.engine.offering import Offering
from loadtest.engine.pacing import ClosedLoop, Pacing
from loadtest.engine.query_pacing import Offline
from loadtest.engine.recorder import Recorder
from loadtest.engine.spinner import BusyMeter, Spinner
from loadtest.engine.stalls import StallMeter
from loadtest.engine.steadiness import SECOND_NS, SteadinessWatch
from loadtest.errors import LoadError
from loadtest.inputs import read_pool
from loadtest.plan import LoadPlan
from loadtest.protocols import protocol_named
from loadtest.scenario import MOST_CLIENTS

_HEAD_START_NS: Final = 50_000_000
"""From the end of the preparations to the schedule's start."""
_NOTICE_NS: Final = 100_000_000
"""From the second that ends a warm-up to the window: for looking at what was recorded, and for catching up then."""
_LEAST_NOTICE_NS: Final = 50_000_000
_DRAIN_POLL_S: Final = 0.002
_STOPPED_DRAIN_NS: Final = 2_000_000_000
"""How long a run that was stopped waits for the answers that are still out."""


class Engine:
    """Carries out one plan, in this process."""

    def __init__(self, plan: LoadPlan, folder: Path, *, clients: int | None = None, await_start: bool = False) -> None:
        """Prepare what can be prepared without the endpoint.

        Args:
            plan: what to do.
            folder: where the records go.
            clients: how many clients a closed loop begins with, if not with as many as planned.
            await_start: begin when told to, as soon as all is prepared otherwise.

        Raises:
            TailbedError: the plan cannot be carried out.
        """
        self._plan = plan
        self._folder = folder
        self._await_start = await_start
        own_core = process.take_core(plan.core)
        process.raise_priority(plan.nice)
        self._protocol = protocol_named(plan.protocol)
        self._pool = read_pool(plan.pool)
        if plan.check and not self._pool.outputs:
            raise LoadError(f"{plan.pool}: answers cannot be checked: it has no array called outputs/NAME")
        self._sample = AnswerSample(plan.check.every, plan.seed) if plan.check else None
        self._offering = Offering(plan, clients)
        process.allow_connections(self._offering.planned)
        self._recorder = Recorder(folder)
        self._flight = Flight(
            items=len(self._pool),
            share=plan.share,
            most=self._offering.most,
            timeout_ns=round(plan.timeout_s * 1e9),
            recorder=self._recorder,
            sample=self._sample,
        )
        target = plan.target()
        payloads = [
            self._protocol.encode(target, plan.model, self._pool.request(item, batched=plan.batched))
            for item in range(len(self._pool))
        ]
        self._transport = self._protocol.transport(target, payloads, self._offering.connections, self._flight.done)
        self._flight.transport = self._transport
        self._spin = own_core and self._transport.inline
        self._stalls = StallMeter(self._flight, max(map(len, payloads)), tls=target.tls)
        self._unsteady: str | None = None

    async def run(self) -> records.Records:
        """Measure, and write the records.

        Raises:
            TailbedError: the endpoint's host cannot be found, or the time to start at is over.
        """
        loop = asyncio.get_running_loop()
        self._halted: asyncio.Future[None] = loop.create_future()
        loop.set_exception_handler(self._fail)
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._halt)
        self._pacing: Pacing | None = None
        self._told_start: asyncio.Future[int] = loop.create_future()
        control.listen(loop, self._obey)
        if self._await_start:
            # Before the connections, which a server may close when they are not used for long.
            control.emit("ready")
            told: list[asyncio.Future[Any]] = [self._halted, self._told_start]
            await asyncio.wait(told, return_when=asyncio.FIRST_COMPLETED)
        await self._transport.open()
        loop.set_task_factory(self._stalls.make_task)
        process.stop_collecting()

        start_ns = self._start_ns()
        notice_ns = _NOTICE_NS if self._plan.by_rule else 0
        window = self._window(start_ns, start_ns + round(self._plan.warmup_limit_s * 1e9) + notice_ns)
        pacing = self._pacing = self._offering.pacing(self._flight, window)
        self._finished: asyncio.Future[int] = loop.create_future()
        if isinstance(pacing, Offline):
            pacing.finished = self._finished.set_result
        spinner = Spinner(loop, self._flight, pacing, self._stalls if self._spin else None)
        busy = BusyMeter(spinner)
        self._recorder.start(loop, window, spinner.exclude)
        self._flight.watch(loop, spinner.exclude)
        spinner.wake()
        control.emit("started", window_start_ns=window.start_ns, window_end_ns=window.end_ns, spinning=self._spin)

        if self._plan.by_rule:
            window = await self._await_steady(pacing, window, spinner)
        loop.call_later((window.start_ns - monotonic_ns()) / 1e9, busy.begin)
        await self._halted_or(window.end_ns)
        if isinstance(pacing, Offline):
            # Ends just after the last answer, which is part of it.
            done_ns = self._finished.result() + 1 if self._finished.done() else window.end_ns
            window = spool.Window(start_ns, pacing.query_ns, min(done_ns, window.end_ns))
        end_ns = min(window.end_ns, monotonic_ns())
        client_busy = busy.share()
        pacing.end(end_ns)
        await self._drain(pacing)
        spinner.close()
        await self._transport.close()
        return self._write(window, end_ns, client_busy)

    def _start_ns(self) -> int:
        """When the load begins: soon, or when it is told to, as others do."""
        soon_ns = monotonic_ns() + _HEAD_START_NS
        if not self._told_start.done():
            return soon_ns
        late_ns = soon_ns - self._told_start.result()
        if late_ns > 0:
            raise LoadError(f"not prepared when the load was to start: {late_ns / 1e6:.0f} ms late")
        return self._told_start.result()

    def _window(self, load_start_ns: int, start_ns: int) -> spool.Window:
        return spool.Window(load_start_ns, start_ns, start_ns + round(self._plan.duration_s * 1e9))

    async def _await_steady(self, pacing: Pacing, latest: spool.Window, spinner: Spinner) -> spool.Window:
        """Until the load is steady, or has been given the time for it; returns the window, which begins soon."""
        start_ns = latest.load_start_ns
        limit_s, longest_s = round(self._plan.warmup_limit_s), round(self._plan.longest_warmup_s)
        with closing(SteadinessWatch(self._recorder, start_ns, self._offering.warmup_ns)) as watch:
            for second in range(1, longest_s + 1):
                await self._halted_or(start_ns + second * SECOND_NS)
                if self._halted.done():
                    self._unsteady = f"stopped after {(monotonic_ns() - start_ns) / 1e9:.1f} s of warm-up"
                    return latest
                began_ns = monotonic_ns()
                self._unsteady = watch.look()
                spinner.exclude(began_ns)
                if self._unsteady is None and second >= self._plan.warmup_s:
                    break
                if second >= limit_s and not watch.needs_longer(limit_s):
                    break
                if second == limit_s < longest_s:
                    latest = self._window(start_ns, start_ns + longest_s * SECOND_NS + _NOTICE_NS)
                    self._tell(latest)
        began_ns = monotonic_ns()
        window = self._window(
            start_ns, max(start_ns + second * SECOND_NS + _NOTICE_NS, monotonic_ns() + _LEAST_NOTICE_NS)
        )
        self._offering.measure(pacing, window)
        self._tell(window)
        spinner.exclude(began_ns)
        return window

    def _tell(self, window: spool.Window) -> None:
        """Have everyone know that the window is another one than was told before."""
        self._recorder.set_window(window)
        control.emit("window", window_start_ns=window.start_ns, window_end_ns=window.end_ns)

    def _obey(self, command: control.Command) -> None:
        pacing = self._pacing
        match command:
            case {"stop": True}:
                self._halt()
            case {"start_ns": int(start_ns)} if self._await_start and not self._told_start.done():
                self._told_start.set_result(start_ns)
            case {"clients": int(clients)} if isinstance(pacing, ClosedLoop) and 0 <= clients <= MOST_CLIENTS:
                pacing.change_clients(clients)
            case {"clients": int(clients)} if pacing is None and 0 <= clients <= MOST_CLIENTS:
                self._offering.clients = clients
            case _:
                control.emit("error", message=f"cannot do that: {command}")

    def _halt(self) -> None:
        if not self._halted.done():
            self._halted.set_result(None)

    def _fail(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        # An exception in a callback may have lost a request: better no records than records with a silent gap.
        if not self._halted.done():
            self._halted.set_exception(context.get("exception") or RuntimeError(context["message"]))

    async def _halted_or(self, at_ns: int) -> None:
        """Until that time, or until the run is halted or all of it has been done before."""
        ends: list[asyncio.Future[Any]] = [self._halted, self._finished]
        while not any(end.done() for end in ends) and (left_ns := at_ns - monotonic_ns()) > 0:
            await asyncio.wait(ends, timeout=left_ns / 1e9, return_when=asyncio.FIRST_COMPLETED)
        if self._halted.done():
            self._halted.result()

    async def _drain(self, pacing: Pacing) -> None:
        """Wait for what is due and what is out: each ends within its timeout, or soon if the run was stopped."""
        halted_ns: int | None = None
        while not (pacing.over() and self._flight.empty):
            await asyncio.sleep(_DRAIN_POLL_S)
            if not self._halted.done():
                continue
            self._halted.result()
            halted_ns = halted_ns or monotonic_ns()
            if monotonic_ns() - halted_ns > _STOPPED_DRAIN_NS:
                self._flight.abandon()

    def _write(self, window: spool.Window, end_ns: int, client_busy: float | None) -> records.Records:
        rows = self._recorder.finish()
        correct, faults = np.full(len(rows), -1, dtype=np.int8), dict[int, str]()
        if self._sample and self._plan.check:
            correct, faults = self._sample.check(
                self._protocol.decode,
                lambda item: self._pool.answer(item, batched=self._plan.batched),
                self._plan.check.tolerance,
                len(rows),
            )
        measured = rows["intended_ns"] >= window.start_ns
        facts = records.EngineFacts(
            load_start_ns=window.load_start_ns,
            by_rule=self._plan.by_rule,
            unsteady=self._unsteady,
            window_start_ns=window.start_ns,
            window_end_ns=max(window.start_ns, end_ns),
            finished=end_ns == window.end_ns,
            client_busy=client_busy,
            spinning=self._spin,
            cores=len(os.sched_getaffinity(0)),
            stalls=[stall for stall in self._stalls.stalls if stall[0] < end_ns],
            stalls_dropped=self._stalls.dropped,
            cap_hits=self._flight.cap_hits,
            checked=int(np.count_nonzero(measured & (correct >= 0))),
            wrong=int(np.count_nonzero(measured & (correct == 0))),
            first_wrong=next((faults[row] for row in sorted(faults) if measured[row]), None),
        )
        found = records.from_rows(rows, correct, facts)
        records.write(self._folder / records.NAME, found)
        self._recorder.remove()
        return found
