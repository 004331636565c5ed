"""A program that spins for as long as nobody else wants its core.

It is run by path with the standard library only, in a session of its own.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import NoReturn


def idle() -> NoReturn:
    """Spin until killed."""
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    with suppress(OSError):  # Kernels that group by session weigh the session, whatever its processes are.
        Path("/proc/self/autogroup").write_text("19", encoding="ascii")
    while True:
        pass


if __name__ == "__main__":
    idle()
