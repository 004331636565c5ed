"""How Triton is started."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from exporters.artifact import Manifest
from exporters.environments import Environment
from models import package_versions
from servers.address import authority, reachable
from servers.deployment import Deployment, Settings
from servers.endpoint import Endpoint, Endpoints
from servers.errors import ServerError
from servers.inference.batching import check_batchable
from servers.inference.command import check_deployment, check_settings, environment, runtime_of
from servers.stack import SCRATCH, Launch
from servers.times import ServerTimes
from servers.triton.command import GRACE_S, command, leftovers
from servers.triton.environment import ENVIRONMENT
from servers.triton.installation import find, missing
from servers.triton.native import NativeBackend, native_backend, native_for
from servers.triton.repository import CONFIG, configuration, write_repository
from servers.triton.times import read_times

# Of the line that says why a model was not loaded: what came from its program, up to where the traceback begins.
_FAILURE: Final = r"failed to load '.*?' version \d+: (?:\w+(?: \w+)*: )?(?:\w+: )?(.+?)(?:\\n|\"?$)"


class _Triton:
    environment: Environment | None = ENVIRONMENT
    stands_in_for: str | None = None
    warmup_s = 0.0

    def __init__(self, use: str) -> None:
        self.name = f"triton-{use}"
        self.protocol = f"oip-{use}"
        # All three are always open, so that nothing but the protocol differs.
        self.ports: tuple[str, ...] = (use, *({"http", "grpc"} - {use}), "metrics")
        self._use = use

    def missing(self) -> str | None:
        return missing()

    def serves(self, format: str) -> str | None:
        """The backend of Triton's own, or the runtime that computes in its Python backend."""
        return _computes(format, native_for(format, find()))

    def computes(self, manifest: Manifest) -> str | None:
        return _computes(manifest.format, native_backend(manifest, find()))

    def tuned(self, cores: int) -> Settings:
        """Dynamic batching without a delay, and two instances, which share the cores.

        "For most models, the Triton feature that provides the largest performance improvement is dynamic batching", and
        "typically, having two instances of a model will improve performance": "Optimization", NVIDIA Triton Inference
        Server user guide, https://docs.nvidia.com/deeplearning/triton-inference-server/user-guide/docs/optimization.html.
        It advises no option that has no name here.
        """
        instances = min(2, cores)
        return Settings(instances, threads=cores // instances, max_batch=8, tuned=True)

    def endpoints(self, model: str, *, host: str, ports: Mapping[str, int]) -> Endpoints:
        at = reachable(host)
        url = f"{self._use}://{authority(at, ports[self._use])}"
        endpoint = Endpoint(self.protocol, url, model, f"http://{authority(at, ports['metrics'])}/metrics")
        return Endpoints(endpoint, endpoint)

    def launch(self, deployment: Deployment, *, host: str, ports: Mapping[str, int], folder: Path) -> Launch:
        if ":" in host:
            raise ServerError(f"{self.name} cannot be bound to {host}: IPv4 addresses and names only")
        if (installation := find()) is None:
            raise ServerError(missing() or "Triton is not installed")
        artifact, settings = deployment.artifact, deployment.settings
        native = native_backend(artifact.manifest, installation)
        if native is None:
            runtime = check_deployment(deployment)
            facts = package_versions(*runtime.packages, needed_for=f"the runtime {runtime.name}")
            computes = runtime.name
            backends = installation.prepare(folder / "installation")
        else:
            check_settings(settings)
            if settings.max_batch > 1:
                check_batchable(artifact.manifest)
            facts = {}
            computes = f"{native.name} backend"
            backends = installation.backends
        config = configuration(deployment, native, {"runtime": computes, **facts})
        # Such names as "models" would be taken for packages by the Python that runs in this folder.
        repository = folder / "repository"
        write_repository(repository, artifact, config, native)
        shared_memory = f"tailbed-{secrets.token_hex(4)}-"
        scratch = folder / SCRATCH
        return Launch(
            command(
                installation,
                repository=repository,
                backends=backends,
                host=host,
                ports=ports,
                shared_memory=shared_memory,
                gpu=settings.device != "cpu",
            ),
            self.endpoints(artifact.manifest.model, host=host, ports=ports),
            environment(settings) | installation.variables(folder / "libraries") | {"TMPDIR": str(scratch)},
            configuration={CONFIG: config},
            leftovers=leftovers(shared_memory),
            scratch=scratch,
            grace_s=GRACE_S,
            failure=_FAILURE,
        )

    def times(self, endpoint: Endpoint) -> ServerTimes | None:
        return read_times(endpoint)


def _computes(format: str, native: NativeBackend | None) -> str | None:
    if native is not None:
        return f"{native.name} backend"
    runtime = runtime_of(format)
    return f"{runtime} in the Python backend" if runtime else None


STACKS = (_Triton("http"), _Triton("grpc"))
