"""Writes down how each request went, where neither a stop nor a kill loses it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from time import monotonic_ns

import numpy as np

from loadtest import spool
from loadtest.transport.transport import Request

_FLUSH_S = 0.1
"""Seconds between appends: the most that a killed engine loses, and short enough for an append to take microseconds."""


class Recorder:
    """Collects rows in memory and appends them to the spool ten times a second."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / spool.NAME
        self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        self._buffer = bytearray()
        self._pack = spool.ROW.pack
        self.rows = 0
        """Requests written down so far."""

    def start(self, loop: asyncio.AbstractEventLoop, window: spool.Window, exclude: Callable[[int], None]) -> None:
        """Write the header now, and rows from time to time; ``exclude`` is told since when they were being written."""
        self._loop = loop
        self._exclude = exclude
        self._buffer += spool.header(window)
        self._flush_regularly()

    def set_window(self, window: spool.Window) -> None:
        """Have the header say that the window is this one."""
        os.pwrite(self._file, spool.header(window), 0)

    def add(self, request: Request, done_ns: int, outcome: int) -> None:
        """Write a request down."""
        self._buffer += self._pack(request.intended_ns, request.sent_ns, done_ns, outcome, request.item)
        self.rows += 1

    def flush(self) -> None:
        """Append what is not in the spool yet."""
        while self._buffer:
            del self._buffer[: os.write(self._file, self._buffer)]

    def reader(self) -> spool.SpoolReader:
        """Reads what has been flushed."""
        return spool.SpoolReader(self._path)

    def finish(self) -> np.ndarray:
        """Append what is left, and return all rows, of ``spool.DTYPE`` in the order of ``add``."""
        self._timer.cancel()
        self.flush()
        os.close(self._file)
        reader = self.reader()
        try:
            return reader.read()
        finally:
            reader.close()

    def remove(self) -> None:
        """Remove the spool: the records are safe elsewhere."""
        self._path.unlink()

    def _flush_regularly(self) -> None:
        began_ns = monotonic_ns()
        self.flush()
        self._exclude(began_ns)
        self._timer = self._loop.call_later(_FLUSH_S, self._flush_regularly)
