"""How TensorFlow Serving is started."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from exporters.artifact import Manifest
from exporters.environments import Environment
from servers.address import authority, reachable
from servers.deployment import Deployment, Settings
from servers.endpoint import Endpoint, Endpoints
from servers.errors import ServerError
from servers.metrics import Metrics
from servers.stack import Launch
from servers.tfserving import binary
from servers.tfserving.configuration import METRICS_PATH, check, files, options
from servers.tfserving.formats import FORMATS
from servers.tfserving.times import times_in
from servers.times import ServerTimes

_EXPOSE: Final = "TAILBED_TFSERVING_EXPOSE"
_COMPUTES: Final = {"savedmodel": "tensorflow", "tflite": "tflite"}
_TUNED_BATCH: Final = 64
_GRACE_S: Final = 5.0


class _TfServing:
    stands_in_for: str | None = None
    environment: Environment | None = None
    warmup_s = 0.0

    def __init__(self, protocol: str, ports: tuple[str, ...]) -> None:
        self.name = protocol
        self.protocol = protocol
        self.ports = ports

    def missing(self) -> str | None:
        if lacking := binary.missing():
            return lacking
        if os.environ.get(_EXPOSE) == "1":
            return None
        return (
            "TensorFlow Serving listens on every address of the machine and has no option for another: set "
            f"{_EXPOSE}=1 where that is wanted, or where something else keeps others out"
        )

    def serves(self, format: str) -> str | None:
        return _COMPUTES[format] if format in FORMATS else None

    def computes(self, manifest: Manifest) -> str | None:
        return self.serves(manifest.format)

    def tuned(self, cores: int) -> Settings:
        """As "Batching Configuration" advises to begin with on a CPU: a batch thread a core, large batches, no wait.

        https://github.com/tensorflow/serving/blob/master/tensorflow_serving/batching/README.md. It says infinity for
        the largest batch; here that is 64, each size of which is computed once before the model is available.
        """
        return Settings(instances=cores, threads=1, max_batch=_TUNED_BATCH, tuned=True)

    def endpoints(self, model: str, *, host: str, ports: Mapping[str, int]) -> Endpoints:
        rest, grpc = (f"{use}://{authority(reachable(host), ports[use])}" for use in ("http", "grpc"))
        url = rest if self.ports[0] == "http" else grpc
        endpoint = Endpoint(self.protocol, url, model, f"{rest}{METRICS_PATH}")
        return Endpoints(endpoint, endpoint)

    def launch(self, deployment: Deployment, *, host: str, ports: Mapping[str, int], folder: Path) -> Launch:
        check(self.name, deployment)
        program = binary.find()
        if program is None:
            raise ServerError(str(binary.missing()))
        from servers.tfserving.folder import write_model  # brings protobuf

        manifest = deployment.artifact.manifest
        base = folder / "models" / manifest.model
        write_model(deployment.artifact, base, max_batch=deployment.settings.max_batch)
        written = files(deployment.settings)
        for name, text in written.items():
            (folder / name).write_text(text)
        told = options(deployment, ports=ports, base=base, folder=folder)
        return Launch(
            (program, *told),
            self.endpoints(manifest.model, host=host, ports=ports),
            # The GPU build would take a GPU that it finds, whatever is asked for.
            {"CUDA_VISIBLE_DEVICES": "-1"},
            configuration={**written, "command_line.txt": "\n".join((binary.BINARY, *told)) + "\n"},
            grace_s=_GRACE_S,
        )

    def times(self, endpoint: Endpoint) -> ServerTimes | None:
        metrics = Metrics.scrape(endpoint.metrics_url) if endpoint.metrics_url else None
        return None if metrics is None else times_in(metrics, endpoint.model)


STACKS = (_TfServing("tfserving-rest", ("http", "grpc")), _TfServing("tfserving-grpc", ("grpc", "http")))
