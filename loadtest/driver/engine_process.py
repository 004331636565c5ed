"""The engine as a child of a Locust process."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic_ns

import gevent
import gevent.event
import numpy as np

from loadtest import records, spool
from loadtest.driver.wrong_answers import WrongAnswers
from loadtest.errors import LoadError

_FEED_S = 1.0
_END_MARGIN_S = 60.0
"""How long an engine may take to write its records."""


class EngineProcess:
    """A running ``python -m loadtest.engine``, followed by greenlets until it ends.

    It stops in order when this process dies, since its standard input then ends.
    """

    def __init__(
        self,
        folder: Path,
        *,
        clients: int | None,
        timeout_s: float,
        feed: Callable[[np.ndarray], None],
        on_ready: Callable[[], None] | None = None,
    ) -> None:
        """Start it on ``folder/plan.json``.

        Args:
            folder: the run's own.
            clients: how many clients a closed loop begins with; None for as many as planned.
            timeout_s: the plan's, which is how long answers may be awaited after the window's end.
            feed: told of the requests that have ended, about once a second, ``[requests]`` of ``spool.DTYPE``.
            on_ready: told when all is prepared; the load then waits for ``begin``. None lets it begin by itself.
        """
        self._folder = folder
        self._timeout_s = timeout_s
        self._feed = feed
        self._on_ready = on_ready
        argv = [sys.executable, "-m", "loadtest.engine", str(folder)]
        if clients is not None:
            argv += ["--clients", str(clients)]
        if on_ready is not None:
            argv.append("--await-start")
        self._process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._spool: spool.SpoolReader | None = None
        self._window_end_ns: int | None = None
        self._error: str | None = None
        self._wrong: WrongAnswers | None = None
        self._ended = gevent.event.Event()
        self._begun = gevent.event.Event()
        gevent.spawn(self._follow)

    def begin(self, start_ns: int) -> None:
        """Have the load begin at this time of CLOCK_MONOTONIC."""
        self._tell(start_ns=start_ns)

    def change_clients(self, clients: int) -> None:
        """Have the closed loop go on with this many clients."""
        self._tell(clients=clients)

    def stop(self, *, patience_s: float = 0.0) -> None:
        """Stop measuring in order and wait for the records; one whose window ends within the patience may finish."""
        self._begun.wait(patience_s)
        left_s = float("inf")
        if self._window_end_ns is not None:
            left_s = max(0.0, (self._window_end_ns - monotonic_ns()) / 1e9)
        if left_s > patience_s or not patience_s:
            self._tell(stop=True)
            left_s = 0.0
        if not self._ended.wait(left_s + self._timeout_s + _END_MARGIN_S):
            self._process.kill()
            self._ended.wait()

    def fail(self, error: str) -> None:
        """Have ``wait`` return this error, whatever comes after it."""
        self._error = self._error or error

    def wait(self) -> str | None:
        """Wait for its end, with the records written; returns the error in one line if it failed."""
        self._ended.wait()
        return self._error

    @property
    def wrong(self) -> WrongAnswers | None:
        """The wrong answers that were found, once it has ended; None where there were none, or none was compared."""
        return self._wrong

    def _tell(self, **command: object) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError, ValueError):  # it has ended already, and its pipe is broken or closed
            # Not through its buffer, which would keep what a broken pipe has not taken, and fail again when closed.
            os.write(self._process.stdin.fileno(), json.dumps(command).encode() + b"\n")

    def _follow(self) -> None:
        feeding = gevent.spawn(self._feed_regularly)
        try:
            self._follow_events()
            feeding.kill()
            self._feed_once()
        except (LoadError, OSError) as error:
            self._error = self._error or " ".join(str(error).split())
        finally:  # whatever happens: others wait for it without end
            feeding.kill()
            self._process.kill()  # nobody listens to it any more
            if self._spool:
                self._spool.close()
            self._begun.set()
            self._ended.set()

    def _follow_events(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._process.stdin, self._process.stdout as lines:
            for line in lines:
                self._on_event(json.loads(line))
            code = self._process.wait()
        if code != 0:
            self._error = self._error or f"the load engine ended with exit code {code}"
            try:
                records.recover(self._folder)
            except records.NotWrittenError as error:
                self._error = str(error)
            except LoadError:
                pass  # nothing was measured, and the engine has said why

    def _on_event(self, event: dict[str, object]) -> None:
        match event:
            case {"event": "ready"} if self._on_ready is not None:
                self._on_ready()
            case {"event": "started", "window_end_ns": int(window_end_ns)}:
                self._window_end_ns = window_end_ns
                self._begun.set()
                self._spool = spool.SpoolReader(self._folder / spool.NAME)
            case {"event": "window", "window_end_ns": int(window_end_ns)}:  # the warm-up has ended as soon as it could
                self._window_end_ns = window_end_ns
            case {"event": "finished", "wrong": int(wrong), "checked": int(checked), "first_wrong": str(first)}:
                self._wrong = WrongAnswers(wrong, checked, first)
            case {"event": "error", "message": str(message)}:
                self._error = message

    def _feed_regularly(self) -> None:
        while True:
            gevent.sleep(_FEED_S)
            self._feed_once()

    def _feed_once(self) -> None:
        # Open since the start: what the engine appended last can be read even after it has removed the file.
        if self._spool:
            self._feed(self._spool.read())
