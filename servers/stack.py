"""What a serving stack is: how to start it for a deployment, and where it then answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from models import Registry
from servers.deployment import Deployment
from servers.endpoint import Endpoint
from servers.times import ServerTimes


@dataclass(frozen=True)
class Launch:
    """How to start a server process.

    Attributes:
        argv: the command line.
        env: variables added to the environment.
        endpoint: where it will answer.
    """

    argv: tuple[str, ...]
    endpoint: Endpoint
    env: Mapping[str, str] = field(default_factory=dict)


class Stack(Protocol):
    """A serving stack. ``servers/<name>/stack.py`` has one as ``STACK`` and imports nothing heavy."""

    name: str
    protocol: str
    """The protocol that its endpoint speaks."""
    ports: tuple[str, ...]
    """What it needs ports for, the one that answers first, such as ``("grpc", "metrics")``."""

    def missing(self) -> str | None:
        """What this machine lacks to run the stack and how to get it; None when it can run."""
        ...

    def launch(self, deployment: Deployment, *, host: str, ports: Mapping[str, int], folder: Path) -> Launch:
        """Prepare ``folder`` (the server's own, empty) and say how to start the server on ``host``.

        Raises:
            ServerError: the stack cannot serve this artifact or cannot do what the settings ask.
        """
        ...

    def times(self, endpoint: Endpoint) -> ServerTimes | None:
        """Where the time of this stack's server has gone so far, by its own metrics; None where they do not tell.

        It asks the server, which takes some of its time: not to be called while it is measured.
        """
        ...


STACKS: Registry[Stack] = Registry("servers", entry="stack", attribute="STACK")
"""Every ``servers/<name>/stack.py``."""
