"""Which CPU core each engine may have where several Locust processes share a machine, whatever each one calls it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from loadtest.driver.start import boot_id


@dataclass(frozen=True)
class Place:
    """Where a Locust process runs. Host names do not tell: containers on one machine have different ones.

    Attributes:
        boot: which machine, as ``boot_id`` says.
        cores: the CPU cores that it may use, from the first.
    """

    boot: str
    cores: tuple[int, ...]

    @classmethod
    def here(cls) -> Self:
        """This process's own."""
        return cls(boot_id(), tuple(sorted(os.sched_getaffinity(0))))

    @classmethod
    def of(cls, message: dict[str, Any]) -> Self:
        """The place in a message that ``message`` made."""
        return cls(message["boot"], tuple(message["cores"]))

    def message(self) -> dict[str, Any]:
        """For another process."""
        return asdict(self)


@dataclass(frozen=True)
class Seat:
    """An engine's among those of its machine.

    Attributes:
        index: which one of them, from 0.
        core: the core that is its own; None where none is left, as each machine keeps one for whatever else it does.
    """

    index: int
    core: int | None


def seats(places: Sequence[Place]) -> list[Seat]:
    """A seat for the engine at each place: the last core that it may use and no other engine has."""
    found: list[Seat] = []
    for number, place in enumerate(places):
        taken = [seat.core for other, seat in zip(places, found, strict=False) if other.boot == place.boot]
        free = [core for core in place.cores if core not in taken]
        index = sum(other.boot == place.boot for other in places[:number])
        found.append(Seat(index, free[-1] if len(free) > 1 else None))
    return found
