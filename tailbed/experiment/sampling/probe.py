"""What a probe is: something that is read once a sample."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple, Protocol


class Reading(NamedTuple):
    """One number."""

    name: str
    """What it is, its unit last, such as ``memory_bytes``."""
    subject: str
    """What it is of, such as ``server``, ``cpu0`` or ``gpu1``."""
    value: int


class Probe(Protocol):
    """Reads some numbers, cheaply."""

    def read(self) -> Iterable[Reading]:
        """The numbers of now. What cannot be read is left out, never given as 0."""
        ...


def read_number(path: Path) -> int | None:
    """The number that a file of the kernel holds; None where it cannot be read or holds something else."""
    try:
        return int(path.read_bytes())
    except (OSError, ValueError):
        return None
