"""Which cores the server and the client get, so that neither takes the other's time."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Placement:
    """Cores of the two sides.

    Attributes:
        server: cores of the server, or None when both sides share all there is.
        client: the core of the load engine, or None when both sides share.
    """

    server: tuple[int, ...] | None
    client: int | None

    @property
    def shared(self) -> bool:
        """Whether client and server compete for the same cores."""
        return self.client is None


def place() -> Placement:
    """Give the client the last core that this process may use and the server the others.

    The client needs one: the engine is one thread. The first core is left to the server for want of knowledge:
    with more than two, interrupts and housekeeping tend to lie on the first, and the server has others beside it.
    """
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        return Placement(server=None, client=None)
    return Placement(server=tuple(cores[:-1]), client=cores[-1])
