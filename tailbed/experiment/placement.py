"""Which cores the server and the client get, so that neither takes the other's time, and how urgent both are."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from tailbed.experiment.core_stalls import CoreStalls

NICE: Final = -10
"""Before all that is not urgent, behind what the kernel cannot do without. Never a real-time class: the kernel
throttles those to 95%, which is a stall of 50 ms every second."""
_CHANCE_DIGITS: Final = 3
"""Shares of stalls are compared to 0.1% of the time: less is chance in the seconds that they are measured for."""
_CPU: Final = Path("/sys/devices/system/cpu")


@dataclass(frozen=True)
class Placement:
    """Cores of the two sides.

    Attributes:
        server: cores of the server, or None when both sides share all there is.
        client: the core of the load engine, or None when both sides share.
        nice: niceness of both, or None where none but this process's own is permitted.
        stalls: what each usable core was found to lose before the experiment; empty where that was not measured.
    """

    server: tuple[int, ...] | None
    client: int | None
    nice: int | None = None
    stalls: tuple[CoreStalls, ...] = ()

    @classmethod
    def restore(cls, described: Mapping[str, Any]) -> Placement | None:
        """The placement of an earlier part of an experiment, or None where its cores cannot all be used any more.

        Args:
            described: as ``describe`` gives it.
        """
        try:
            server, client = described["server_cores"], described["client_core"]
            stalls = tuple(CoreStalls(**core) for core in described["stalls_by_core"].values())
            placement = cls(tuple(server) if server else None, client, described["niceness"], stalls)
        except (KeyError, TypeError, AttributeError):
            return None
        needed = {*(placement.server or ()), *([] if client is None else [client])}
        return placement if needed <= os.sched_getaffinity(0) else None

    def describe(self) -> dict[str, Any]:
        """The placement as plain JSON values."""
        return {
            "server_cores": self.server,
            "client_core": self.client,
            "shared": self.shared,
            "niceness": self.nice,
            "stalls_by_core": {core.core: asdict(core) for core in self.stalls},
        }

    @property
    def cores(self) -> tuple[int, ...]:
        """The cores of both sides."""
        if self.client is None:
            return tuple(sorted(os.sched_getaffinity(0)))
        return (*(self.server or ()), self.client)

    @property
    def shared(self) -> bool:
        """Whether client and server compete for the same cores."""
        return self.client is None


def place(stalls: Sequence[CoreStalls] = ()) -> Placement:
    """Divide the cores that this process may use, by what ``measure_stalls`` found, if it was asked.

    Memory nodes are not looked at: on a machine with several, keep tailbed on one of them, as by ``numactl`` or
    ``taskset``. It uses no core that it may not use itself.
    """
    cores = sorted(os.sched_getaffinity(0))
    server, client = divide(cores, {core: siblings(core) for core in cores}, stalls)
    return Placement(server, client, permitted_niceness(), tuple(stalls))


def divide(
    cores: Sequence[int], siblings: Mapping[int, frozenset[int]], stalls: Sequence[CoreStalls]
) -> tuple[tuple[int, ...] | None, int | None]:
    """The server's cores and the client's, or None and None where there is but one.

    The client gets one core, since the engine is one thread: the one that is taken away most. Its own stalls the
    engine sees, and a percentile that they may have moved is marked; those of the server's cores nothing sees. Where
    cores are alike it is the last, since interrupts and housekeeping tend to lie on the first. The server gets all
    others, but those that are hardware threads of the client's physical core stay idle: an engine that spins there
    would take half of what they compute. Where they are all there is, they are the server's.

    Args:
        cores: all that may be used, ascending.
        siblings: for each core, all hardware threads of its physical core, itself among them.
        stalls: of each core; a core that is not among them counts as one without.
    """
    if len(cores) < 2:
        return None, None
    share = {core.core: round(core.share, _CHANCE_DIGITS) for core in stalls}
    client = max(cores, key=lambda core: (share.get(core, 0.0), core))
    others = [core for core in cores if core != client]
    apart = [core for core in others if core not in siblings[client]]
    return tuple(apart or others), client


@contextmanager
def off_cores(cores: tuple[int, ...] | None) -> Iterator[tuple[int, ...]]:
    """Keep the calling thread off the server's cores. Gives those that are its own: none, if it has to share."""
    before = os.sched_getaffinity(0)
    own = before - set(cores or before)
    if own:
        os.sched_setaffinity(0, own)
    try:
        yield tuple(sorted(own))
    finally:
        os.sched_setaffinity(0, before)


def siblings(core: int) -> frozenset[int]:
    """All hardware threads of the core's physical core; itself alone where the system does not tell."""
    try:
        listed = (_CPU / f"cpu{core}/topology/thread_siblings_list").read_text(encoding="ascii")
    except OSError:
        return frozenset({core})
    found = {core}
    for part in listed.strip().split(","):
        first, _, last = part.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return frozenset(found)


def permitted_niceness() -> int | None:
    """The niceness that server and client can be given: ``NICE``, or None where that is not permitted."""
    own = os.getpriority(os.PRIO_PROCESS, 0)
    nice = min(own, NICE)
    # Tried, since it depends on more than can be looked up: capabilities, their namespace, limits, security modules.
    try:
        os.setpriority(os.PRIO_PROCESS, 0, nice)
    except OSError:
        return None
    os.setpriority(os.PRIO_PROCESS, 0, own)
    return nice
