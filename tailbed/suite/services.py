"""Which deployments a suite of services measures: what each running service serves, on each of its stacks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from exporters import ArtifactStore
from servers import STACKS, Deployment
from servers.containers import Image, Service, read_services, services_folder
from tailbed.suite.artifacts import ALL
from tailbed.suite.deployments import Candidate
from tailbed.suite.read import SuiteError
from tailbed.suite.schema import Suite

Pair = tuple[Service, str]
"""A service, and the name of one of its stacks."""


def select_services(suite: Suite) -> list[Pair]:
    """Every service that ``suite`` names with each of its stacks, in the suite's order, whether it runs or not.

    None of a suite that names none. A stack that stands in for another is only meant by its own name, as in ``stacks``.

    Raises:
        SuiteError: a name that no service has, or no service was ever prepared.
        ServicesError: the services cannot be read.
    """
    if not suite.services:
        return []
    services = read_services()
    if not services:
        raise SuiteError(
            f"no service has been prepared in {services_folder()}: docker compose up -d does that in its own volume, "
            "for docker compose run --rm tailbed bench"
        )
    pairs: list[Pair] = []
    for name in suite.services:
        found = _named(name, services)
        if not found:
            stacks = dict.fromkeys(stack for service in services.values() for stack in service.stacks)
            known = dict.fromkeys((ALL, *services, *stacks))
            raise SuiteError(f"unknown service {name!r}: choose from {', '.join(known)}")
        pairs += [pair for pair in found if pair not in pairs]
    return pairs


def service_candidates(
    pairs: Sequence[Pair], cores: tuple[int, ...] | None, images: Mapping[str, Image]
) -> list[Candidate]:
    """The pairs' deployments.

    Args:
        pairs: of services that run.
        cores: of the servers; None for all, or where they are not ours to choose.
        images: of the services' containers by name, as far as they are known.

    Raises:
        ArtifactError: what a service serves is not there, or changed since it was made.
    """
    artifacts = {service.name: ArtifactStore.open(service.artifact) for service, _ in pairs}
    return [
        Candidate(
            Deployment(artifacts[service.name], stack, service.settings, cores, service.name),
            _variant(service),
            service.runtime,
            images.get(service.name),
        )
        for service, stack in pairs
    ]


def _named(name: str, services: Mapping[str, Service]) -> list[Pair]:
    chosen = services.values() if name == ALL else [services[name]] if name in services else []
    if chosen:
        return [
            (service, stack)
            for service in chosen
            for stack in service.stacks
            if STACKS.get(stack).stands_in_for is None
        ]
    return [(service, name) for service in services.values() if name in service.stacks]


def _variant(service: Service) -> str | None:
    """What tells it from another service of the same stacks, such as ``gpu`` of ``triton-gpu``."""
    return None if service.name == service.kind else service.name.removeprefix(f"{service.kind}-")
