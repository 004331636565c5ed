"""How the FastAPI server is started, and what it is called by the protocol that it is asked in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from exporters.environments import Environment
from models import MissingPackage, package_versions
from servers.address import authority, reachable
from servers.deployment import Deployment, Settings
from servers.endpoint import Endpoint, Endpoints
from servers.inference.command import command, environment, runtime_of, tuned
from servers.inference.times import read_times
from servers.stack import Launch
from servers.tfserving.formats import FORMATS, TENSORFLOW_SERVING, check_format
from servers.times import ServerTimes

_PACKAGES = ("fastapi", "uvicorn", "uvloop", "httptools", "prometheus-client")


class _FastAPI:
    name = "fastapi"
    protocol = "oip-http"
    ports: tuple[str, ...] = ("http",)
    stands_in_for: str | None = None
    environment: Environment | None = None
    warmup_s = 0.0

    def missing(self) -> str | None:
        try:
            package_versions(*_PACKAGES, needed_for="the server fastapi")
        except MissingPackage as error:
            return str(error)
        return None

    def serves(self, format: str) -> str | None:
        return runtime_of(format)

    def tuned(self, cores: int) -> Settings:
        return tuned(cores)

    def endpoints(self, model: str, *, host: str, ports: Mapping[str, int]) -> Endpoints:
        url = f"http://{authority(reachable(host), ports['http'])}"
        endpoint = Endpoint(self.protocol, url, model, f"{url}/metrics")
        return Endpoints(endpoint, endpoint)

    def launch(self, deployment: Deployment, *, host: str, ports: Mapping[str, int], folder: Path) -> Launch:  # noqa: ARG002  # it keeps nothing there
        return Launch(
            command("servers.fastapi", deployment, host=host, ports=ports),
            self.endpoints(deployment.artifact.manifest.model, host=host, ports=ports),
            environment(deployment.settings),
        )

    def times(self, endpoint: Endpoint) -> ServerTimes | None:
        return read_times(endpoint)


class _TfServingCompatible(_FastAPI):
    name = "fastapi-tfserving-compatible"
    protocol = "tfserving-rest"
    stands_in_for = TENSORFLOW_SERVING

    def serves(self, format: str) -> str | None:
        return runtime_of(format) if format in FORMATS else None

    def launch(self, deployment: Deployment, *, host: str, ports: Mapping[str, int], folder: Path) -> Launch:
        check_format(self.name, deployment.artifact)
        return super().launch(deployment, host=host, ports=ports, folder=folder)


STACKS = (_FastAPI(), _TfServingCompatible())
