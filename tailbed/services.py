"""Giving servers in containers what they serve: an export, the stack's own files, and an entry in the list of all."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from exporters import ArtifactStore
from models import TailbedError
from servers import Deployment, Settings
from servers.containers import CONTAINERS, Service, hold_services, services_folder, write_service
from tailbed.experiment.exporting import export_artifact
from tailbed.suite.artifacts import named

GPU: Final = "-gpu"
"""At the end of a service's name: the same server on a GPU."""


def kind_of(name: str) -> str:
    """The folder of stacks that a service of this name has.

    Raises:
        TailbedError: there is none.
    """
    kind = name.removesuffix(GPU)
    if kind not in CONTAINERS.names():
        raise TailbedError(
            f"unknown service {name!r}: choose from {', '.join(CONTAINERS.names())}, with {GPU} at its end for a GPU"
        )
    return kind


def prepare_services(
    wanted: Mapping[str, str], settings: Settings, store: ArtifactStore, tell: Callable[[str], None]
) -> list[Service]:
    """Export what services are to serve, write what their servers read, and list them.

    Args:
        wanted: artifacts, each ``model/format`` or ``model/format/precision``, by the names of services.
        settings: of every server; those of ``-gpu`` compute on one.
        store: where the artifacts are, or go.
        tell: told the reference of what is exported now.

    Raises:
        TailbedError: there is no such service or artifact, an export failed, a server cannot serve what it is given, or
            an experiment has the services.
    """
    kinds = {name: kind_of(name) for name in wanted}
    refs = {name: named(ref) for name, ref in wanted.items()}
    folder = services_folder()
    folder.mkdir(parents=True, exist_ok=True)
    services = []
    with hold_services():
        for name, (model, format, precision) in refs.items():
            tell(f"{model}/{format}/{precision}")
            artifact = export_artifact(model, format, precision, store)
            container = CONTAINERS.get(kinds[name])
            asked = replace(settings, device="cuda") if name.endswith(GPU) else settings
            # In its own place at once: what is written names it.
            own = folder / name
            if own.exists():
                shutil.rmtree(own)
            own.mkdir()
            prepared = container.prepare(Deployment(artifact, container.stacks[0], asked), own)
            service = Service(
                name=name,
                kind=kinds[name],
                model=artifact.manifest.model,
                artifact=artifact.folder.resolve(),
                settings=asked,
                runtime=prepared.runtime,
                configuration=dict(prepared.configuration),
            )
            write_service(service)
            services.append(service)
    return services
