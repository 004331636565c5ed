"""How our own servers are started, and what they are called by the protocol that they are asked in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from exporters.artifact import Manifest
from exporters.environments import Environment
from models import MissingPackage, package_versions
from servers.address import authority, reachable
from servers.deployment import Deployment, Settings
from servers.endpoint import Endpoint, Endpoints
from servers.inference.command import command, environment, runtime_of, tuned
from servers.inference.times import read_times
from servers.stack import SCRATCH, Launch
from servers.tfserving.formats import FORMATS, TENSORFLOW_SERVING, check_format
from servers.times import ServerTimes


class OwnStack:
    """One of our servers, asked in one of its protocols.

    It answers requests at the first of its ports, which is called as the scheme is, and shows its metrics at the last.
    """

    stands_in_for: str | None = None
    environment: Environment | None = None
    warmup_s = 0.0

    def __init__(
        self, name: str, protocol: str, *, folder: str, ports: tuple[str, ...], packages: tuple[str, ...]
    ) -> None:
        self.name = name
        self.protocol = protocol
        self.ports = ports
        self._folder = folder
        self._packages = packages

    def missing(self) -> str | None:
        """What lacks of its packages, and how to get it."""
        try:
            package_versions(*self._packages, needed_for=f"the server {self._folder}")
        except MissingPackage as error:
            return str(error)
        return None

    def serves(self, format: str) -> str | None:
        """The runtime for the format."""
        return runtime_of(format)

    def computes(self, manifest: Manifest) -> str | None:
        """The runtime for the artifact's format."""
        return self.serves(manifest.format)

    def tuned(self, cores: int) -> Settings:
        """As docs/BATCHING.md advises."""
        return tuned(cores)

    def endpoints(self, model: str, *, host: str, ports: Mapping[str, int]) -> Endpoints:
        """The model is ready where it answers."""
        at, scheme = reachable(host), self.ports[0]
        metrics_url = f"http://{authority(at, ports[self.ports[-1]])}/metrics"
        endpoint = Endpoint(self.protocol, f"{scheme}://{authority(at, ports[scheme])}", model, metrics_url)
        return Endpoints(endpoint, endpoint)

    def launch(self, deployment: Deployment, *, host: str, ports: Mapping[str, int], folder: Path) -> Launch:
        """Its module as a program; ``folder`` has temporary files while it runs."""
        scratch = folder / SCRATCH
        return Launch(
            command(f"servers.{self._folder}", deployment, host=host, ports=ports),
            self.endpoints(deployment.artifact.manifest.model, host=host, ports=ports),
            environment(deployment.settings) | {"TMPDIR": str(scratch)},
            scratch=scratch,
        )

    def times(self, endpoint: Endpoint) -> ServerTimes | None:
        """By its metrics."""
        return read_times(endpoint)


class TfServingCompatible(OwnStack):
    """The same server asked as TensorFlow Serving is, for what that serves."""

    stands_in_for = TENSORFLOW_SERVING

    def serves(self, format: str) -> str | None:
        """The runtime for the format, where TensorFlow Serving serves that."""
        return runtime_of(format) if format in FORMATS else None

    def launch(self, deployment: Deployment, *, host: str, ports: Mapping[str, int], folder: Path) -> Launch:
        """The same, for formats that TensorFlow Serving serves.

        Raises:
            ServerError: of another format, or as for the server itself.
        """
        check_format(self.name, deployment.artifact)
        return super().launch(deployment, host=host, ports=ports, folder=folder)
