"""How TorchServe is started: Java itself, for the launcher in its Python package knows but one server a machine."""

from __future__ import annotations

import os
import secrets
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np

from exporters.artifact import Manifest
from exporters.environments import Environment
from servers.address import authority, reachable
from servers.deployment import Deployment, Settings
from servers.endpoint import Endpoint, Endpoints
from servers.errors import ServerError
from servers.inference.command import check_deployment, environment, runtime_of
from servers.metrics import Metrics
from servers.stack import Launch
from servers.times import ServerTimes
from servers.torchserve import configuration
from servers.torchserve.archive import MODEL_CONFIG, make_archive, model_config
from servers.torchserve.environment import ENVIRONMENT, java, missing, site_packages
from servers.torchserve.times import times_in

_FORMATS: Final = ("aotinductor", "onnx", "torch-export", "torch-weights", "torchscript")
_LONGEST_FOLDER: Final = 107 - len("/.ts.sock.9000000")
"""Of the folder for sockets: the system takes 107 bytes with their names."""
_GRACE_S: Final = 5.0


class _TorchServe:
    stands_in_for: str | None = None
    environment: Environment | None = ENVIRONMENT
    # The Java frontend is compiled while it runs, in tiers, and stands still in between (docs/STACKS.md).
    warmup_s = 15.0

    def __init__(self, protocol: str, scheme: str, ports: tuple[str, ...], management: str) -> None:
        self.name = protocol
        self.protocol = protocol
        self.ports = ports
        self._scheme = scheme
        self._management = management

    def missing(self) -> str | None:
        return missing()

    def serves(self, format: str) -> str | None:
        return runtime_of(format) if format in _FORMATS else None

    def computes(self, manifest: Manifest) -> str | None:
        return self.serves(manifest.format)

    def tuned(self, cores: int) -> Settings:
        """As TorchServe's performance guide says (docs/performance_guide.md, "Concurrency And Number of Workers").

        Workers on half of the cores, one thread each; and batches, which it names first, with the shortest delay that
        there is.
        """
        return Settings(instances=max(1, cores // 2), threads=1, max_batch=8, max_delay_us=1000, tuned=True)

    def endpoints(self, model: str, *, host: str, ports: Mapping[str, int]) -> Endpoints:
        at = reachable(host)
        metrics_url = f"http://{authority(at, ports['metrics'])}/metrics"
        answers, ready = (
            Endpoint(self.protocol, f"{self._scheme}://{authority(at, ports[use])}", model, metrics_url)
            for use in (self.ports[0], self._management)
        )
        return Endpoints(answers, ready)

    def launch(self, deployment: Deployment, *, host: str, ports: Mapping[str, int], folder: Path) -> Launch:
        artifact, settings = deployment.artifact, deployment.settings
        check_deployment(deployment)
        configuration.check(settings, host)
        if self.serves(artifact.manifest.format) is None:
            raise ServerError(
                f"{artifact.ref} cannot be served: {self.name} serves {', '.join(_FORMATS)}, not "
                f"{artifact.manifest.format}"
            )
        for spec in (*artifact.manifest.inputs, *artifact.manifest.outputs):
            if np.dtype(spec.dtype).kind not in "biuf":
                raise ServerError(
                    f"{artifact.ref}: tensor {spec.name!r} is {spec.dtype}, which safetensors cannot hold"
                )
        packages = site_packages()
        config = model_config(settings)
        archive = make_archive(artifact, config, folder / "store")
        metrics = configuration.metrics((packages / "ts" / "configs" / "metrics.yaml").read_text())
        texts = {
            "config.properties": configuration.properties(
                host=host, ports=ports, archive=archive, metrics=folder / "metrics.yaml"
            ),
            "metrics.yaml": metrics,
            "log4j2.xml": configuration.LOGGING,
        }
        for name, text in texts.items():
            (folder / name).write_text(text)
        # TorchServe puts its home before all else on the workers' path: it is to have TorchServe only, and not the
        # other packages of its environment.
        home = folder / "home"
        home.mkdir(exist_ok=True)
        (home / "ts").unlink(missing_ok=True)
        (home / "ts").symlink_to(packages / "ts")
        scratch = _sockets_folder()
        return Launch(
            (
                java(),
                f"-Dlog4j.configurationFile={(folder / 'log4j2.xml').as_uri()}",
                f"-Djava.io.tmpdir={scratch}",
                # Else it keeps a file in /tmp, which stays when it is killed.
                "-XX:+PerfDisableSharedMem",
                *("-cp", f"{packages / 'ts' / 'frontend'}/*", "org.pytorch.serve.ModelServer"),
                *("--python", sys.executable, "-ncs"),
            ),
            self.endpoints(artifact.manifest.model, host=host, ports=ports),
            {
                **environment(settings),
                # Variables that a user may have, which count for more than the command line.
                "TS_CONFIG_FILE": str(folder / "config.properties"),
                "TS_MODEL_SERVER_HOME": str(home),
                # A program's own folder, of the workers' program too, is no place to import from.
                "PYTHONSAFEPATH": "1",
                "TMPDIR": str(scratch),
            },
            configuration={**texts, MODEL_CONFIG: config},
            scratch=scratch,
            grace_s=_GRACE_S,
            failure="cannot load the model: (.+)",
        )

    def times(self, endpoint: Endpoint) -> ServerTimes | None:
        if self._scheme == "grpc":  # TorchServe measures what comes over REST only
            return None
        metrics = Metrics.scrape(endpoint.metrics_url) if endpoint.metrics_url else None
        return None if metrics is None else times_in(metrics, endpoint.model)


def _sockets_folder() -> Path:
    """A folder yet to be made for the sockets between TorchServe and its workers, with a path that is short enough."""
    name = f"tailbed-{secrets.token_hex(8)}"
    usual = Path(tempfile.gettempdir(), name)
    return usual if len(os.fsencode(usual)) <= _LONGEST_FOLDER else Path("/tmp", name)  # noqa: S108  # nobody can guess it


STACKS = (
    _TorchServe("torchserve-rest", "http", ("http", "metrics", "grpc", "grpc-management"), management="http"),
    _TorchServe(
        "torchserve-grpc", "grpc", ("grpc", "grpc-management", "http", "metrics"), management="grpc-management"
    ),
)
