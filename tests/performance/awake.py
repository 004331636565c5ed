"""Cores that do not sleep, as with the kernel's ``idle=poll``.

A virtual core that sleeps wakes up on whichever hardware thread the host has for it, beside somebody else's work or
not, and so changes its speed from request to request.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from servers import SupervisedProcess

_SPIN: Final = """
import os
os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
try:
    # Its session is weighed as a whole, whatever its processes are.
    with open("/proc/self/autogroup", "w") as autogroup:
        autogroup.write("19")
except OSError:
    pass
while True:
    pass
"""


@contextmanager
def kept_awake(folder: Path) -> Iterator[None]:
    """Spin on every core that this process may use, with the lowest priority that there is."""
    with ExitStack() as running:
        for core in sorted(os.sched_getaffinity(0)):
            argv = [sys.executable, "-I", "-S", "-c", _SPIN]
            running.enter_context(SupervisedProcess.start(argv, log=folder / f"spin-{core}.log", cores=(core,)))
        yield
