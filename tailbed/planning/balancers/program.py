"""What a load balancer's program must tell to be used."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Protocol

from models import TailbedError
from tailbed.results.decisions.plan import Balancer

Scheme = Literal["http", "grpc"]
_SYSTEM: Final = "/usr/local/sbin:/usr/sbin:/sbin"
"""Where systems put such programs, which is not on every user's path."""
_VERSION_S: Final = 10.0


class BalancerError(TailbedError):
    """A load balancer that is not here, or does not run."""


@dataclass(frozen=True)
class Front:
    """What a balancer is to do.

    Attributes:
        scheme: of the requests: HTTP/1.1, or gRPC over HTTP/2 without TLS.
        balancer: how it chooses.
        listen: ``HOST:PORT`` of its own.
        replicas: theirs.
        folder: for its files.
    """

    scheme: Scheme
    balancer: Balancer
    listen: str
    replicas: Sequence[str]
    folder: Path


class Program(Protocol):
    """A load balancer that may be installed."""

    @property
    def name(self) -> str:
        """As people write it."""
        ...

    @property
    def command(self) -> str:
        """Its executable."""
        ...

    @property
    def words(self) -> Mapping[Balancer, str]:
        """What its configuration calls each kind of balancing."""
        ...

    def configuration(self, front: Front) -> str:
        """The text of its configuration file."""
        ...

    def argv(self, executable: str, file: Path) -> list[str]:
        """The command line that runs it in the foreground, as one process."""
        ...


def executable(program: Program) -> str | None:
    """Where the program is; None where it is not installed."""
    return shutil.which(program.command, path=f"{os.environ.get('PATH', os.defpath)}:{_SYSTEM}")


def version(program: Program) -> str:
    """Name and version, such as ``HAProxy 2.6.12``; the name alone where it tells none.

    Raises:
        BalancerError: it is not installed.
    """
    found = required(program)
    said = subprocess.run([found, "-v"], capture_output=True, text=True, timeout=_VERSION_S, check=False)
    number = re.search(r"\d+\.\d+(?:\.\d+)?", said.stdout + said.stderr)
    return f"{program.name} {number[0]}" if number else program.name


def required(program: Program) -> str:
    """Where the program is.

    Raises:
        BalancerError: it is not installed.
    """
    found = executable(program)
    if found is None:
        raise BalancerError(f"{program.name} is not installed: get it with: apt-get install {program.command}")
    return found
