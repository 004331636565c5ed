"""The command line of our own servers: what the launch writes and the child reads."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from models import TailbedError, UnknownName
from servers.deployment import Deployment, Settings
from servers.errors import ServerError
from servers.runtimes import runtime_for


@dataclass(frozen=True)
class Options:
    """What a server is told.

    Attributes:
        artifact: the artifact's folder.
        host: address to bind.
        ports: port numbers by what they are for.
        settings: instances and threads.
    """

    artifact: Path
    host: str
    ports: Mapping[str, int]
    settings: Settings


def command(module: str, deployment: Deployment, *, host: str, ports: Mapping[str, int]) -> tuple[str, ...]:
    """The command line that starts ``module`` for a deployment; ``run`` reads it.

    Raises:
        ServerError: the settings make no sense, or no runtime loads the artifact's format.
    """
    settings = deployment.settings
    for name, value in (("instances", settings.instances), ("threads", settings.threads)):
        if value < 1:
            raise ServerError(f"{name} is {value}, expected 1 or more")
    try:
        runtime_for(deployment.artifact.manifest.format)
    except UnknownName as error:
        raise ServerError(f"{deployment.artifact.ref} cannot be served: {error}") from error
    return (
        # -P: the working folder is no place to import from.
        *(sys.executable, "-P", "-m", module, str(deployment.artifact.folder.resolve()), "--host", host),
        *(part for use, port in ports.items() for part in (f"--{use}-port", str(port))),
        *("--instances", str(settings.instances), "--threads", str(settings.threads)),
    )


def environment(settings: Settings) -> dict[str, str]:
    """Variables that keep libraries to the threads asked for, those without a setting of their own too."""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    return {name: str(settings.threads) for name in names}


def run(module: str, uses: tuple[str, ...], serve: Callable[[Options], None]) -> NoReturn:
    """Read the command line and serve until SIGTERM; an error that the user can act on is one line."""
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description="Serve one artifact.")
    parser.add_argument("artifact", type=Path, help="the artifact's folder")
    parser.add_argument("--host", default="127.0.0.1")
    for use in uses:
        parser.add_argument(f"--{use}-port", type=int, required=True)
    parser.add_argument("--instances", type=int, default=1, help="model instances that compute at the same time")
    parser.add_argument("--threads", type=int, default=1, help="threads that one instance computes with")
    told = parser.parse_args()
    ports = {use: getattr(told, f"{use}_port") for use in uses}
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        serve(Options(told.artifact, told.host, ports, Settings(told.instances, told.threads)))
    except TailbedError as error:
        sys.exit(f"error: {error}")
    sys.exit(0)
