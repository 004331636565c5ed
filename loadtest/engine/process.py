"""The engine's own process: its core, its limits, its memory."""

from __future__ import annotations

import gc
import os
import resource

from loadtest.errors import LoadError
from servers.supervisor import set_niceness

_OWN_FILES = 64


def take_core(core: int | None) -> bool:
    """Bind this process to ``core``; returns whether the engine may spin on it.

    It may not where that is the only core there is, since whatever is measured would have to share it.

    Raises:
        LoadError: this machine has no such core, or not for us.
    """
    if core is None:
        return False
    usable = _usable_cores()
    if core not in usable:
        listed = ", ".join(map(str, sorted(usable)))
        raise LoadError(f"core {core}: not one that this process may use: it may use {listed}")
    os.sched_setaffinity(0, {core})
    return len(usable) > 1


def raise_priority(nice: int | None) -> None:
    """Give the engine and its session this niceness, where that is permitted. To be called before any thread starts."""
    if nice is not None:
        set_niceness(nice)


def allow_connections(most: int) -> None:
    """Allow as many open files as the system lets.

    Raises:
        LoadError: that is too few for ``most`` connections.
    """
    _, limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit != resource.RLIM_INFINITY and limit < most + _OWN_FILES:
        raise LoadError(f"{most} connections at once: this process may have {limit} files open (ulimit -Hn)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))


def stop_collecting() -> None:
    """Keep the garbage collector out of the run: a pass over all objects would delay whatever is due then."""
    gc.collect()
    gc.freeze()
    gc.disable()


def _usable_cores() -> set[int]:
    # Whoever started this process may have bound it, so ask for all; the system gives those that it allows.
    os.sched_setaffinity(0, range(os.sysconf("SC_NPROCESSORS_CONF")))
    return os.sched_getaffinity(0)
