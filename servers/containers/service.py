"""Which servers run in containers beside this one, and what each has been given: their list."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from models import TailbedError
from models.home import home
from models.validation import first_problem
from servers.containers.kinds import CONTAINERS
from servers.deployment import Settings
from servers.endpoint import Endpoints
from servers.stacks import STACKS

_FILE: Final = "service.json"


class ServicesError(TailbedError):
    """There is no such service, or its entry cannot be read."""


class Service(BaseModel):
    """A server in a container, which serves one artifact.

    Attributes:
        name: its host name, such as ``triton``.
        kind: the folder of its stacks in ``servers``.
        model: the model's name on the server.
        artifact: the artifact's folder.
        settings: what it was told to do.
        runtime: what computes there.
        configuration: the stack's own configuration files, text by name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    kind: str
    model: str
    artifact: Path
    settings: Settings
    runtime: str
    configuration: dict[str, str] = {}

    @property
    def stacks(self) -> tuple[str, ...]:
        """The names of the stacks that it answers for, the usual one first."""
        return CONTAINERS.get(self.kind).stacks

    def endpoints(self, stack: str) -> Endpoints:
        """Where it is asked as one of its stacks."""
        return STACKS.get(stack).endpoints(self.model, host=self.name, ports=CONTAINERS.get(self.kind).ports)


def services_folder() -> Path:
    """Where services find what they were given: one folder each."""
    return home() / "services"


def write_service(service: Service) -> None:
    """Have a service listed, in its own folder."""
    path = services_folder() / service.name / _FILE
    partial = path.with_suffix(".partial")
    partial.write_text(service.model_dump_json(indent=2) + "\n")
    partial.replace(path)


def read_services() -> Mapping[str, Service]:
    """All services by name, whether they run or not; empty where none were ever prepared.

    Raises:
        ServicesError: one of them cannot be read.
    """
    services = map(_read, sorted(services_folder().glob(f"*/{_FILE}")))
    return {service.name: service for service in services}


def _read(path: Path) -> Service:
    try:
        return Service.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ServicesError(f"{path}: cannot be read: {error.strerror}") from error
    except ValidationError as error:
        raise ServicesError(f"{path}: {first_problem(error)}: make it anew with tailbed prepare") from error
