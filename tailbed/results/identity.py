"""Which deployment a cell is of, what to call it in little room, and in what order people expect to find it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tailbed.results.schema import Capacity, ColdStartStudy, DeploymentFacts, Measurement


class Identity(NamedTuple):
    """What tells one deployment from another; None where the endpoint does not tell."""

    model: str
    format: str | None
    precision: str | None
    server: str | None
    protocol: str
    runtime: str | None
    variant: str | None
    arm: str | None

    @classmethod
    def of(cls, cell: Measurement) -> Identity:
        """The deployment that ``cell`` was measured on."""
        named = (cell.model, cell.format, cell.precision, cell.server, cell.protocol, cell.runtime)
        return cls(*named, cell.variant, cell.arm)

    @classmethod
    def of_deployment(cls, found: DeploymentFacts | Capacity | ColdStartStudy) -> Identity:
        """The deployment itself, apart from any cell of it."""
        named = (found.model, found.format, found.precision, found.server, found.protocol, found.runtime)
        return cls(*named, found.variant, None)

    @property
    def artifact(self) -> str:
        """``model/format/precision``, as far as it is known."""
        return "/".join(part for part in self[:3] if part is not None)


def natural(text: str | None) -> tuple[tuple[bool, int, str], ...]:
    """A sort key that puts ``poisson 800/s`` before ``poisson 1600/s``, and what is unknown first."""
    pieces = re.findall(r"(\d+)|(\D+)", text or "")
    return tuple((not digits, int(digits or 0), other) for digits, other in pieces)


def in_order(identities: Iterable[Identity]) -> list[Identity]:
    """The distinct ones in natural order, so that a deployment keeps its colour when an experiment is repeated."""
    return sorted(set(identities), key=lambda identity: tuple(map(natural, identity)))


def short_names(identities: Sequence[Identity]) -> list[str]:
    """A name for each of several distinct deployments: only the parts in which they differ.

    Parts are taken in the order of ``Identity``, and one that tells no two apart that the earlier ones do not is
    left out: where every server speaks one protocol, the protocol is not named.
    """
    if len(identities) == 1:
        only = identities[0]
        return [" · ".join(part for part in (only.artifact, only.server) if part)]
    kept: list[int] = []
    told_apart = 1
    for place in range(len(Identity._fields)):
        candidate = [*kept, place]
        groups = len({tuple(identity[part] for part in candidate) for identity in identities})
        if groups > told_apart:
            kept, told_apart = candidate, groups
    return [" · ".join(identity[part] or _unknown(part) for part in kept) for identity in identities]


def _unknown(part: int) -> str:
    return f"unknown {Identity._fields[part]}"
