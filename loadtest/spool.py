"""The spool: requests as the engine appends them while it runs, so that a killed engine leaves what it measured.

A header, then rows of ``DTYPE`` in the order in which the requests ended.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from loadtest.errors import LoadError

NAME: Final = "records.spool"
DTYPE: Final = np.dtype(
    [
        ("intended_ns", "<i8"),
        ("sent_ns", "<i8"),
        ("done_ns", "<i8"),
        ("outcome", "<i4"),
        ("input_index", "<i4"),
    ]
)
"""One request. Times are of CLOCK_MONOTONIC; a request never sent has ``sent_ns`` 0."""
ROW: Final = struct.Struct("<qqqii")
"""The same row for ``struct``, which packs a single one several times faster than numpy."""

_MAGIC: Final = b"tbspool2"
_HEADER: Final = struct.Struct("<8sqqq")
_CHUNK: Final = 2**26


@dataclass(frozen=True)
class Window:
    """The measured window as planned, CLOCK_MONOTONIC nanoseconds.

    While the warm-up goes on until the load is steady, it is as late as it can be, so that all rows are warm-up.
    """

    load_start_ns: int
    """Start of the warm-up."""
    start_ns: int
    end_ns: int


def header(window: Window) -> bytes:
    """The spool's first bytes."""
    return _HEADER.pack(_MAGIC, window.load_start_ns, window.start_ns, window.end_ns)


class SpoolReader:
    """Reads a spool while the engine still writes it, and to its end even after the engine has removed it."""

    def __init__(self, path: Path) -> None:
        """Open the spool.

        Raises:
            LoadError: the file is no spool, or its header is not written yet.
            FileNotFoundError: there is none.
        """
        self._file = os.open(path, os.O_RDONLY)
        try:
            head = os.pread(self._file, _HEADER.size, 0)
            if len(head) < _HEADER.size or not head.startswith(_MAGIC):
                raise LoadError(f"{path}: not a spool of this version")
        except BaseException:
            os.close(self._file)
            raise
        self._offset = _HEADER.size

    @property
    def window(self) -> Window:
        """As planned by now."""
        _, *times_ns = _HEADER.unpack(os.pread(self._file, _HEADER.size, 0))
        return Window(*times_ns)

    def read(self) -> np.ndarray:
        """The whole rows, of ``DTYPE``, that were appended since the last call."""
        parts: list[bytes] = []
        offset = self._offset
        while part := os.pread(self._file, _CHUNK, offset):
            parts.append(part)
            offset += len(part)
        data = b"".join(parts)
        whole = len(data) - len(data) % ROW.size
        self._offset += whole
        return np.frombuffer(data, dtype=DTYPE, count=whole // ROW.size)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)
