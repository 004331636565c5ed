"""Which cores replicas and their balancer get."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Cores:
    """Cores of everything that runs beside the client.

    Attributes:
        replicas: of each replica; None for all there are.
        balancer: of the balancer; None likewise.
        note: what of them is shared, in words; None where each has its own.
    """

    replicas: tuple[tuple[int, ...] | None, ...]
    balancer: tuple[int, ...] | None
    note: str | None


def divide(server: Sequence[int] | None, replicas: int) -> Cores:
    """Divide the cores of a server among replicas of it and a balancer.

    The balancer gets the last core and each replica as many of the others as the next one, where that leaves one for
    each; else every replica gets one and the balancer shares all of them; else all share all of them.

    Args:
        server: what a server has when it is measured alone; None where it shares all cores with the client.
        replicas: how many there are.
    """
    if not server:
        return Cores((None,) * replicas, None, "replicas, balancer and client share all cores")
    cores = tuple(server)
    each = (len(cores) - 1) // replicas
    if each:
        own = tuple(cores[number * each : (number + 1) * each] for number in range(replicas))
        return Cores(own, cores[-1:], None)
    if len(cores) >= replicas:
        own = tuple(cores[number : number + 1] for number in range(replicas))
        return Cores(own, cores, "the balancer shares the cores of the replicas")
    named = ", ".join(map(str, cores))
    return Cores((cores,) * replicas, cores, f"{replicas} replicas and the balancer share core {named}")
