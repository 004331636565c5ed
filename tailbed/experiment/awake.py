"""Cores that do not sleep, as with the kernel's ``idle=poll``.

A virtual core that sleeps wakes up on whichever hardware thread the host has for it, beside somebody else's work or
not, and so changes its speed from request to request.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from servers import SupervisedProcess

_PROGRAM: Final = Path(__file__).with_name("idling.py")


@contextmanager
def kept_awake(cores: Iterable[int]) -> Iterator[None]:
    """Spin on every one of the cores with the lowest priority that there is: who else wants a core has it.

    Raises:
        ProcessError: a core cannot be used.
    """
    with tempfile.TemporaryDirectory(prefix="tailbed-awake-") as folder, ExitStack() as running:
        for core in cores:
            argv = [sys.executable, "-I", "-S", str(_PROGRAM)]
            running.enter_context(SupervisedProcess.start(argv, log=Path(folder, str(core)), cores=(core,)))
        yield
