"""How the gRPC server is started, and what it is called by the protocol that it is asked in."""

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

_PACKAGES = ("grpcio", "grpcio-health-checking", "tritonclient", "uvloop", "prometheus-client")


class _GRPC:
    name = "grpc"
    protocol = "oip-grpc"
    ports: tuple[str, ...] = ("grpc", "metrics")
    stands_in_for: str | None = None
    environment: Environment | None = None
    warmup_s = 0.0

    def missing(self) -> str | None:
        try:
            package_versions(*_PACKAGES, needed_for="the server grpc")
        except MissingPackage as error:
            return str(error)
        return None

    def serves(self, format: str) -> str | None:
        return runtime_of(format)

    def tuned(self, cores: int) -> Settings:
        return tuned(cores)

    def endpoints(self, model: str, *, host: str, ports: Mapping[str, int]) -> Endpoints:
        at = reachable(host)
        url, metrics_url = f"grpc://{authority(at, ports['grpc'])}", f"http://{authority(at, ports['metrics'])}/metrics"
        endpoint = Endpoint(self.protocol, url, model, metrics_url)
        return Endpoints(endpoint, endpoint)

    def launch(self, deployment: Deployment, *, host: str, ports: Mapping[str, int], folder: Path) -> Launch:  # noqa: ARG002  # it keeps nothing there
        return Launch(
            command("servers.grpc", deployment, host=host, ports=ports),
            self.endpoints(deployment.artifact.manifest.model, host=host, ports=ports),
            environment(deployment.settings),
        )

    def times(self, endpoint: Endpoint) -> ServerTimes | None:
        return read_times(endpoint)


class _TfServingCompatible(_GRPC):
    name = "grpc-tfserving-compatible"
    protocol = "tfserving-grpc"
    stands_in_for = TENSORFLOW_SERVING

    def serves(self, format: str) -> str | None:
        return runtime_of(format) if format in FORMATS else None

    def launch(self, deployment: Deployment, *, host: str, ports: Mapping[str, int], folder: Path) -> Launch:
        check_format(self.name, deployment.artifact)
        return super().launch(deployment, host=host, ports=ports, folder=folder)


STACKS = (_GRPC(), _TfServingCompatible())
