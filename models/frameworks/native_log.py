"""Known lines of native libraries kept from the user's terminal."""

from __future__ import annotations

import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_STDERR = 2

# Two threads that took turns at replacing the descriptor would leave one's file in its place for good.
_lock = threading.RLock()


@contextmanager
def without_lines(*patterns: str) -> Iterator[None]:
    """Hold back what is written to file descriptor 2, and pass it on at the end without the known lines.

    For libraries that log from C++ and have no switch for it. All other lines come through, late but whole. Only what
    the process writes until its death by a signal is lost.

    Args:
        patterns: regular expressions; a line is known if one matches at its start.
    """
    known = re.compile("|".join(f"(?:{pattern})" for pattern in patterns).encode())
    with _lock, tempfile.TemporaryFile() as held:
        try:
            stderr = os.dup(_STDERR)
        except OSError:  # closed, as a daemon's is: nothing to be seen anyway
            yield
            return
        _flush()
        os.dup2(held.fileno(), _STDERR)
        try:
            yield
        finally:
            _flush()
            os.dup2(stderr, _STDERR)
            held.seek(0)
            with os.fdopen(stderr, "wb") as out:
                out.writelines(line for line in held if not known.match(line))


def _flush() -> None:
    if sys.stderr is not None and not sys.stderr.closed:
        sys.stderr.flush()
