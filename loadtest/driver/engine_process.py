"""The engine as a child of a Locust process."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic_ns

import gevent
import gevent.event
import numpy as np

from loadtest import records, spool
from loadtest.errors import LoadError

_FEED_S = 1.0
_END_MARGIN_S = 60.0
"""How long an engine may take to stop and to write its records."""


class EngineProcess:
    """A running ``python -m loadtest.engine``, followed by greenlets until it ends.

    It stops in order when this process dies, since its standard input then ends.
    """

    def __init__(self, folder: Path, *, clients: int | None, feed: Callable[[np.ndarray], None]) -> None:
        """Start it on ``folder/plan.json``.

        Args:
            folder: the run's own.
            clients: how many clients a closed loop begins with; None for as many as planned.
            feed: told of the requests that have ended, about once a second, ``[requests]`` of ``spool.DTYPE``.
        """
        self._folder = folder
        self._feed = feed
        argv = [sys.executable, "-m", "loadtest.engine", str(folder)]
        if clients is not None:
            argv += ["--clients", str(clients)]
        self._process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._spool: spool.SpoolReader | None = None
        self._window_end_ns: int | None = None
        self._error: str | None = None
        self._ended = gevent.event.Event()
        gevent.spawn(self._follow)
        gevent.spawn(self._feed_regularly)

    def change_clients(self, clients: int) -> None:
        """Have the closed loop go on with this many clients."""
        self._tell(clients=clients)

    def stop(self, *, unless_over_in_s: float = 0.0) -> None:
        """Stop measuring in order and wait for the records; an engine that is all but done is left to finish."""
        left_s = _END_MARGIN_S
        if self._window_end_ns is not None and (over_in_s := (self._window_end_ns - monotonic_ns()) / 1e9) > 0:
            ...

    def wait(self) -> str | None:
        """Wait for its end, with the records written; returns the error in one line if it failed."""
        self._ended.wait()
        return self._error
