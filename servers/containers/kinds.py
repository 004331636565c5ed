"""How a stack's server runs in a container: what it reads there, and which ports it has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from models import Registry
from servers.deployment import Deployment


@dataclass(frozen=True)
class Prepared:
    """What was written for a server in a container.

    Attributes:
        runtime: what will compute the artifact there, as ``Stack.serves`` names it.
        configuration: the stack's own configuration files, text by file name, for the record.
    """

    runtime: str
    configuration: Mapping[str, str] = field(default_factory=dict)


class Container(Protocol):
    """A stack's server in a container, the stack's official image or one of ours with the same command line.

    ``servers/<folder>/container.py`` has ``CONTAINER`` and imports nothing heavy.
    """

    stacks: tuple[str, ...]
    """The names of the stacks that the one server answers for, the usual one first."""
    ports: Mapping[str, int]
    """Its ports inside the container, by what the stacks need them for."""

    def prepare(self, deployment: Deployment, folder: Path) -> Prepared:
        """Write into ``folder``, which is empty, what the server reads.

        It and the store of artifacts are mounted in the container where they are here, so that paths hold there, and
        cannot be written there. ``deployment.stack`` is the first of ``stacks``.

        Raises:
            ServerError: the server cannot serve this artifact there, or cannot do what the settings ask.
        """
        ...


CONTAINERS: Final[Registry[Container]] = Registry("servers", entry="container", attribute="CONTAINER")
"""Every ``servers/<folder>/container.py``."""
