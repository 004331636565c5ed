"""Writes down how each request went, where neither a stop nor a kill loses it."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import numpy as np

from loadtest import spool
from loadtest.protocols.protocol import Request

_FLUSH_S = 0.1
"""Seconds between appends: the most that a killed engine loses, and short enough for an append to take microseconds."""


class Recorder:
    """Collects rows in memory and appends them to the spool ten times a second."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / spool.NAME
        self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o644)
        self._buffer = bytearray()
        self._pack = spool.ROW.pack
        self.rows = 0
        """Requests written down so far."""

    def start(self, loop: asyncio.AbstractEventLoop, window: spool.Window) -> None:
        """Write the header now, and rows from time to time."""
        self._loop = loop
        self._buffer += spool.header(window)
        self._flush()

    def add(self, request: Request, done_ns: int, outcome: int) -> None:
        """Write a request down."""
        self._buffer += self._pack(request.intended_ns, request.sent_ns, done_ns, outcome, request.item)
        self.rows += 1

    def finish(self) -> np.ndarray:
        """Append what is left, and return all rows, of ``spool.DTYPE`` in the order of ``add``."""
        self._timer.cancel()
        self._write()
        os.close(self._file)
        reader = spool.SpoolReader(self._path)
        try:
            return reader.read()
        finally:
            reader.close()

    def remove(self) -> None:
        """Remove the spool: the records are safe elsewhere."""
        self._path.unlink()

    def _flush(self) -> None:
        self._write()
        self._timer = self._loop.call_later(_FLUSH_S, self._flush)

    def _write(self) -> None:
        while self._buffer:
            del self._buffer[: os.write(self._file, self._buffer)]
