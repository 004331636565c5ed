"""A test that several Locust processes share, from a worker's side."""

from __future__ import annotations

import ctypes
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import gevent.event
from locust.rpc import Message
from locust.runners import WorkerRunner

from loadtest import joining, records
from loadtest.driver import messages
from loadtest.driver.machines import Place, Seat
from loadtest.driver.planning import Part
from loadtest.driver.start import Moment
from loadtest.errors import LoadError
from loadtest.plan import LoadPlan, Share

_CHUNK: Final = 2**20
"""Bytes of records in a message: a thousand may wait to be sent before ZeroMQ takes no more."""
_RECEIPT_S: Final = 10.0
_PR_SET_PDEATHSIG: Final = 1


def end_with_parent() -> None:
    """Have this process end in order when the one that has forked it is gone; Locust alone would take a minute."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


class WorkerLink:
    """What a worker hears from its master, and tells it."""

    def __init__(
        self, runner: WorkerRunner, *, begin: Callable[[int], None], stop: Callable[[str | None], None]
    ) -> None:
        """Take what to do when the master says so.

        Args:
            begin: have the engine begin at this time of CLOCK_MONOTONIC.
            stop: have it stop, with the reason if it is an error.
        """
        self._runner = runner
        self._begin = begin
        self._stop = stop
        self._shift_ns = 0
        self._received = gevent.event.Event()
        runner.register_message(messages.WHERE, lambda **_: runner.send_message(messages.PLACE, Place.here().message()))
        runner.register_message(messages.START, self._on_start)
        # In a greenlet of its own: stopping waits for what the master says.
        runner.register_message(messages.STOP, lambda **_: self._stop(None), concurrent=True)
        runner.register_message(messages.RECEIVED, lambda **_: self._received.set())

    def part(self, shared: dict[str, Any]) -> Part:
        """This worker's part of the test, by what its master told.

        Raises:
            LoadError: it has none.
        """
        shares, me = shared["shares"], self._runner.client_id
        if me not in shares:
            raise LoadError("this worker came after the test had begun: it takes part in the next one")
        return Part(
            users=shared["users"],
            run_time_s=shared["run_time_s"],
            folder=Path(shared["folder"]) / joining.engine_name(shares[me]),
            share=Share(index=shares[me], of=len(shares)),
            seat=Seat(**shared["seats"][me]),
        )

    def tell_ready(self) -> None:
        """The engine is prepared."""
        self._runner.send_message(messages.READY)

    def deliver(self, folder: Path | None, plan: LoadPlan | None, error: str | None) -> None:
        """Send what the engine has left, if it is not where the master finds it, and wait until it is there."""
        self._received.clear()
        path = folder / records.NAME if folder else None
        if path and path.exists():
            with path.open("rb") as file:
                while chunk := file.read(_CHUNK):
                    self._runner.send_message(messages.RECORDS, chunk)
        whole = plan.model_copy(update={"share": Share(), "core": None}) if plan else None
        ended = {
            "error": error,
            "plan": whole.model_dump_json(indent=2) if whole else None,
            "shift_ns": self._shift_ns,
        }
        self._runner.send_message(messages.ENDED, ended)
        self._received.wait(_RECEIPT_S)

    def _on_start(self, msg: Message, **_: Any) -> None:
        moment = Moment.of(msg.data)
        try:
            start_ns = moment.here_ns()
        except LoadError as error:
            gevent.spawn(self._stop, str(error))
            return
        self._shift_ns = moment.monotonic_ns - start_ns
        self._begin(start_ns)
