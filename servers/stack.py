"""What a serving stack is: what it serves, how it is started for a deployment, and where it then answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from exporters.artifact import Manifest
from exporters.environments import Environment
from servers.deployment import Deployment, Settings
from servers.endpoint import Endpoint, Endpoints
from servers.times import ServerTimes

SCRATCH: Final = "scratch"
"""What a server's folder for temporary files is called in its own folder, where no shorter path is asked for."""


@dataclass(frozen=True)
class Launch:
    """How to start a server process.

    Attributes:
        argv: the command line.
        endpoints: where it will be asked.
        env: variables added to the environment.
        configuration: the stack's own configuration files as used, text by file name, for the record.
        leftovers: patterns as of ``glob``, absolute, of what is to be removed when the server has ended.
        scratch: a folder that is made just before the server is started and removed when it has ended.
        grace_s: seconds between SIGTERM and SIGKILL.
        failure: a pattern as of ``re`` that finds why the server could not start, in group 1 of its last match in the
            log; by default the last line that speaks of an error tells.
    """

    argv: tuple[str, ...]
    endpoints: Endpoints
    env: Mapping[str, str] = field(default_factory=dict)
    configuration: Mapping[str, str] = field(default_factory=dict)
    leftovers: tuple[str, ...] = ()
    scratch: Path | None = None
    grace_s: float = 2.0
    failure: str | None = None


class Stack(Protocol):
    """A serving stack, asked in one protocol. ``servers/<folder>/stack.py`` has ``STACKS`` and imports nothing heavy.

    A stack that speaks several protocols is several of these, so that they are measured side by side.
    """

    name: str
    """Such as ``triton-grpc``; that of its folder, where the folder has but one."""
    protocol: str
    """The protocol that its endpoint speaks."""
    ports: tuple[str, ...]
    """What it needs ports for, the one that answers first, such as ``("grpc", "metrics")``."""
    stands_in_for: str | None
    """The product whose protocol it speaks without being that product; None for what is itself."""

    warmup_s: float
    """Seconds of load before it computes as fast as it ever will, whatever its throughput looks like on the way."""
    environment: Environment | None
    """What ``tailbed install`` gets for it; None where there is nothing to be installed beside our own packages."""

    def missing(self) -> str | None:
        """What this machine lacks to run the stack and how to get it; None when it can run."""
        ...

    def serves(self, format: str) -> str | None:
        """What computes artifacts of ``format`` behind this stack, such as ``onnxruntime``; None where nothing does."""
        ...

    def computes(self, manifest: Manifest) -> str | None:
        """What computes this very artifact, which may be another than for most of its format."""
        ...

    def tuned(self, cores: int) -> Settings:
        """The settings that the stack's own documentation advises for a server with ``cores`` cores."""
        ...

    def endpoints(self, model: str, *, host: str, ports: Mapping[str, int]) -> Endpoints:
        """Where a server of this stack on ``host`` is asked for ``model``, with a number for each of ``ports``."""
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
