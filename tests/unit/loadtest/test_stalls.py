"""The stall meter: which gaps between turns of the engine's loop show that the core was taken away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from loadtest.engine import spinner, stalls
from loadtest.engine.spinner import Spinner
from loadtest.engine.stalls import StallMeter

US = 1_000
MS = 1_000_000
BEGAN = 1_000 * MS


class Turns:
    """A loop whose turns take as long as they are told to, and do as much as they are told to."""

    def __init__(self) -> None:
        self.now_ns = BEGAN
        self.due_ns = 2**62
        self.flight: Any = SimpleNamespace(activity=0, open=dict.fromkeys(range(2)), largest_answer=500)
        self.meter = StallMeter(self.flight, payload_bytes=500, tls=False)
        self._next: list[Callable[[], None]] = []

    def start(self) -> None:
        loop: Any = SimpleNamespace(
            call_soon=self._next.append, add_reader=self._set_ring, remove_reader=lambda _: None
        )
        pacing: Any = SimpleNamespace(pace=lambda _: self.due_ns)
        self.spinner = Spinner(loop, self.flight, pacing, self.meter)
        self.spinner.wake()
        self.turn(0)

    def turn(self, length_ns: int, activity: int = 0) -> None:
        """Time passes, requests are sent and end, and it is the spinner's turn again."""
        self.now_ns += length_ns
        self.flight.activity += activity
        (callback,) = self._next
        self._next.clear()
        callback()

    def _set_ring(self, _: int, ring: Callable[[], None]) -> None:
        self.alarm_callback = ring


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> Iterator[Turns]:
    turns = Turns()
    for module in (spinner, stalls):
        monkeypatch.setattr(module, "monotonic_ns", lambda: turns.now_ns)
    turns.start()
    yield turns
    turns.spinner.close()


def test_an_idle_turn_that_took_long_is_a_stall(turns: Turns) -> None:
    turns.turn(2 * US)
    turns.turn(150 * US)
    turns.turn(30 * MS)
    turns.turn(2 * US)
    turns.turn(1 * MS, activity=2)
    assert turns.meter.stalls == [(BEGAN + 152 * US, 30 * MS), (BEGAN + 154 * US + 30 * MS, 1 * MS)]


def test_what_the_load_itself_takes_is_none(turns: Turns) -> None:
    for activity in (1, 10, 100, 1000):
        turns.turn(10 * US * activity + 200 * US, activity)
    assert turns.meter.stalls == []


def test_nor_what_large_requests_take_in_part(turns: Turns) -> None:
    turns.flight.largest_answer = 600_000
    turns.turn(1 * MS)
    assert turns.meter.stalls == []
    turns.turn(20 * MS)
    assert len(turns.meter.stalls) == 1


def test_nor_what_the_engine_does_beside_its_requests(turns: Turns) -> None:
    began_ns = turns.now_ns
    turns.now_ns += 5 * MS
    turns.spinner.exclude(began_ns)
    turns.turn(10 * US)
    assert turns.meter.stalls == []


def test_a_stall_shows_even_if_it_made_other_work_due(turns: Turns) -> None:
    turns.now_ns += 30 * MS
    began_ns = turns.now_ns
    turns.now_ns += 1 * MS
    turns.spinner.exclude(began_ns)
    turns.turn(10 * US)
    assert [length for _, length in turns.meter.stalls] == [30 * MS + 10 * US]


def test_nor_while_connections_are_made(turns: Turns) -> None:
    async def connect() -> None:
        task = turns.meter.make_task(asyncio.get_running_loop(), asyncio.sleep(0))
        turns.turn(5 * MS)
        await task
        turns.turn(5 * MS)
        await asyncio.sleep(0)
        turns.turn(2 * US)
        turns.turn(5 * MS)

    asyncio.run(connect())
    assert len(turns.meter.stalls) == 1


def test_rest_is_none_but_oversleeping_is(turns: Turns, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loadtest.engine.alarm.os.read", lambda *_: b"")
    turns.flight.open.clear()
    for late_ns in (1 * MS, 4 * MS):
        alarm_ns = turns.now_ns + 50 * MS
        turns.due_ns = alarm_ns + 1_500 * US
        turns.turn(2 * US)  # it goes to sleep
        began_ns = turns.now_ns = alarm_ns + late_ns
        turns.now_ns += 5 * MS
        turns.spinner.exclude(began_ns)
        turns.alarm_callback()
    assert turns.meter.stalls == [(alarm_ns + 5 * MS, 4 * MS)]


def test_there_is_an_end_to_what_is_kept(turns: Turns) -> None:
    for _ in range(20_010):
        turns.turn(300 * US)
    assert len(turns.meter.stalls) == 20_000
    assert turns.meter.dropped == 10
