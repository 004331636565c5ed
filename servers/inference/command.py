"""The command line of our own servers: what the launch writes and the child reads."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

from models import TailbedError, UnknownName
from servers.deployment import Deployment, Settings
from servers.errors import ServerError
from servers.inference.batching import check_batchable
from servers.runtimes import Runtime, runtime_for

_DEVICES: Final = ("cpu", "cuda")
_LONGEST_DELAY_US: Final = 60_000_000


@dataclass(frozen=True)
class Options:
    """What a server is told.

    Attributes:
        artifact: the artifact's folder.
        host: address to bind.
        ports: port numbers by what they are for.
        settings: how the model is computed.
    """

    artifact: Path
    host: str
    ports: Mapping[str, int]
    settings: Settings


def command(module: str, deployment: Deployment, *, host: str, ports: Mapping[str, int]) -> tuple[str, ...]:
    """The command line that starts ``module`` for a deployment; ``run`` reads it.

    Raises:
        ServerError: the settings make no sense, or no runtime loads the artifact's format, or not on that device.
    """
    check_deployment(deployment)
    settings, artifact = deployment.settings, deployment.artifact
    return (
        # -P: the working folder is no place to import from.
        *(sys.executable, "-P", "-m", module, str(artifact.folder.resolve()), "--host", host),
        *(part for use, port in ports.items() for part in (f"--{use}-port", str(port))),
        *("--instances", str(settings.instances), "--threads", str(settings.threads), "--device", settings.device),
        *("--max-batch", str(settings.max_batch), "--max-delay-us", str(settings.max_delay_us)),
    )


def check_deployment(deployment: Deployment) -> Runtime:
    """Check that the runtime of the artifact's format can do what the settings ask, behind any stack that uses it.

    Returns:
        That runtime.

    Raises:
        ServerError: the settings make no sense, or no runtime loads the artifact's format, or not on that device.
    """
    settings, artifact = deployment.settings, deployment.artifact
    check_settings(settings)
    if settings.max_batch > 1:
        check_batchable(artifact.manifest)
    try:
        runtime = runtime_for(artifact.manifest.format)
    except UnknownName as error:
        raise ServerError(f"{artifact.ref} cannot be served: {error}") from error
    if settings.device not in runtime.devices:
        raise ServerError(
            f"{artifact.ref} cannot be served on {settings.device}: {runtime.name} computes on "
            f"{' or '.join(runtime.devices)}"
        )
    return runtime


def runtime_of(format: str) -> str | None:
    """The runtime that computes artifacts of ``format`` in our own servers; None where there is none."""
    try:
        return runtime_for(format).name
    except UnknownName:
        return None


def tuned(cores: int) -> Settings:
    """One instance that computes with all cores: our servers answer, decode and batch on one thread of their own.

    Batches are of what waits anyway (no delay): a lone request is not kept waiting for others (docs/BATCHING.md).
    """
    return Settings(instances=1, threads=cores, max_batch=8, tuned=True)


def environment(settings: Settings) -> dict[str, str]:
    """Variables that keep libraries to the threads asked for, those without a setting of their own too.

    OpenMP's threads, which are PyTorch's, would by default spin between two requests, as no other runtime's do here:
    they would take the core from the server's own loop, and make an idle server look busy.
    """
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    return {name: str(settings.threads) for name in names} | {"OMP_WAIT_POLICY": "PASSIVE"}


def run(module: str, uses: tuple[str, ...], serve: Callable[[Options], None]) -> NoReturn:
    """Read the command line and serve until SIGTERM; an error that the user can act on is one line."""
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description="Serve one artifact.")
    parser.add_argument("artifact", type=Path, help="the artifact's folder")
    parser.add_argument("--host", default="127.0.0.1")
    for use in uses:
        parser.add_argument(f"--{use}-port", type=int, required=True)
    parser.add_argument("--instances", type=int, default=1, help="model instances that compute at the same time")
    parser.add_argument("--threads", type=int, default=1, help="threads that one instance computes with")
    parser.add_argument("--device", default="cpu", help=f"what computes: {' or '.join(_DEVICES)}")
    parser.add_argument("--max-batch", type=int, default=1, help="most items that are computed together; 1 for none")
    parser.add_argument("--max-delay-us", type=int, default=0, help="longest wait for others to join a batch")
    told = parser.parse_args()
    settings = Settings(told.instances, told.threads, told.device, told.max_batch, told.max_delay_us)
    ports = {use: getattr(told, f"{use}_port") for use in uses}
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        check_settings(settings)
        serve(Options(told.artifact, told.host, ports, settings))
    except TailbedError as error:
        sys.exit(f"error: {error}")
    sys.exit(0)


def check_settings(settings: Settings) -> None:
    """Check what is wrong with settings on any stack.

    Raises:
        ServerError: they make no sense.
    """
    least = {"instances": 1, "threads": 1, "max_batch": 1, "max_delay_us": 0}
    for name, value in ((name, getattr(settings, name)) for name in least):
        if value < least[name]:
            raise ServerError(f"{name} is {value}, expected {least[name]} or more")
    if settings.device not in _DEVICES:
        raise ServerError(f"device is {settings.device!r}, expected {' or '.join(_DEVICES)}")
    if settings.max_delay_us > _LONGEST_DELAY_US:
        raise ServerError(f"max_delay_us is {settings.max_delay_us}, expected a minute ({_LONGEST_DELAY_US}) at most")
    if settings.max_delay_us and settings.max_batch == 1:
        raise ServerError(f"max_delay_us is {settings.max_delay_us}, but nothing is waited for while max_batch is 1")
