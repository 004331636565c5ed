"""Services in containers as targets: what they are called, and what is asked there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from exporters import ANSWERS, Artifact
from loadtest.errors import LoadError
from loadtest.plan import AnswerCheck
from models import TailbedError
from servers import EndpointError, connect
from servers.containers import Service, read_services, services_folder
from servers.endpoint import Endpoint, Endpoints

HOST: Final = "host"
"""The target that is no service: what --host says."""


@dataclass(frozen=True)
class Target:
    """One model of a service, asked as one of its stacks.

    Attributes:
        name: as users say it.
        endpoint: where it is asked.
        readiness: where it says whether it can be.
        artifact: the artifact's folder.
    """

    name: str
    endpoint: Endpoint
    readiness: Endpoint
    artifact: Path

    def load(self) -> tuple[Path, bool, AnswerCheck]:
        """The pool of requests with the artifact's own answers, whether it is in batches, and how answers are judged.

        Raises:
            ArtifactError: it is not there.
        """
        artifact = Artifact.read(self.artifact)
        check = AnswerCheck(tolerance=artifact.manifest.answer_tolerance)
        return artifact.folder / ANSWERS, artifact.manifest.batched, check

    def check_ready(self, *, timeout_s: float) -> None:
        """Ask whether the model is ready.

        Raises:
            LoadError: it is not, or nothing answers.
        """
        at = self.readiness
        try:
            with connect(at.url, protocol=at.protocol, timeout_s=timeout_s) as client:
                ready = client.ready(at.model)
        except EndpointError as error:
            raise LoadError(f"{self.name}: {error}") from error
        if not ready:
            raise LoadError(f"{self.name}: {at.model} is not ready at {at.url}: see docker compose ps")


def target_names() -> list[str]:
    """What can be chosen, service by service; empty where there are none, or their list cannot be read."""
    try:
        return list(_named())
    except TailbedError:
        return []


def find_target(name: str) -> Target:
    """The target of a name.

    Raises:
        LoadError: there is none; the line names those that there are.
        TailbedError: the list of services cannot be read.
    """
    named = _named()
    if not named:
        raise LoadError(
            f"no target {name!r}: no services were prepared in {services_folder()}: start them with docker compose up, "
            "or give --host and --model"
        )
    if name not in named:
        raise LoadError(f"no target {name!r}: choose from {', '.join(named)}")
    service, stack = named[name]
    endpoints: Endpoints = service.endpoints(stack)
    return Target(name, endpoints.answers, endpoints.ready, service.artifact)


def _named() -> dict[str, tuple[Service, str]]:
    """Services and stacks by name: a service's own for its usual stack, and one for each stack of several.

    A stack's name begins with that of its folder, the kind of its service; the service's own takes that one's place:
    ``triton-grpc`` of ``triton``, ``triton-gpu-grpc`` of ``triton-gpu``.
    """
    named = {}
    for service in read_services().values():
        stacks = service.stacks
        named[service.name] = service, stacks[0]
        for stack in stacks if len(stacks) > 1 else ():
            named[service.name + stack.removeprefix(service.kind)] = service, stack
    return named
