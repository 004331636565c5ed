"""TorchServe in a container, the official image too, which knows nothing of tailbed: its handler is self-contained."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote

from exporters.artifact import Artifact
from servers.containers import Container, Prepared
from servers.containers.scripts import EVERY_ADDRESS, START, write_ready, write_start
from servers.deployment import Deployment
from servers.errors import ServerError
from servers.inference.command import check_deployment, environment
from servers.oip.metadata import ModelMetadata
from servers.runtimes import Runtime
from servers.torchserve import configuration
from servers.torchserve.archive import DESCRIBED, MODEL_CONFIG, make_archive, model_config
from servers.torchserve.environment import ENVIRONMENT, site_packages

HANDLER: Final = Path(__file__).with_name("portable_handler.py")

SCRATCH: Final = "/tmp"  # noqa: S108  # a container's own
"""Where it unpacks archives and has its sockets, for the official image names a folder that cannot be written to."""

_FORMAT: Final = "torchscript"
_DTYPES: Final = ("bool", "float16", "float32", "float64", "int16", "int32", "int64", "int8", "uint8")
"""What both safetensors and every PyTorch can hold."""


class _TorchServe:
    stacks: tuple[str, ...] = ("torchserve-rest", "torchserve-grpc")
    ports: Mapping[str, int] = {"http": 8080, "metrics": 8082, "grpc": 7070, "grpc-management": 7071}

    def prepare(self, deployment: Deployment, folder: Path) -> Prepared:
        """See ``Container``.

        Raises:
            MissingEnvironment: TorchServe's archiver is not installed here.
        """
        artifact, settings = deployment.artifact, deployment.settings
        _check_artifact(artifact)
        runtime = check_deployment(deployment)
        configuration.check(settings, EVERY_ADDRESS, devices=("cpu", "cuda"))
        ENVIRONMENT.python("TorchServe in a container")
        config = model_config(settings)
        archive = make_archive(
            artifact, config, folder / "store", handler=HANDLER, texts={DESCRIBED: _described(artifact, runtime)}
        )
        metrics = configuration.metrics((site_packages() / "ts" / "configs" / "metrics.yaml").read_text())
        texts = {
            "config.properties": configuration.properties(
                host=EVERY_ADDRESS,
                ports=self.ports,
                archive=archive,
                metrics=folder / "metrics.yaml",
                gpus=int(settings.device == "cuda"),
            ),
            "metrics.yaml": metrics,
            "log4j2.xml": configuration.LOGGING,
        }
        for name, text in texts.items():
            (folder / name).write_text(text)
        start = write_start(folder, _command(folder), {**environment(settings), "TEMP": SCRATCH})
        write_ready(
            folder,
            port=self.ports["http"],
            path=f"/models/{quote(artifact.manifest.model)}",
            line='"status": "READY"',
            lines=settings.instances,
        )
        return Prepared(runtime.name, {**texts, MODEL_CONFIG: config, START: start})


def _check_artifact(artifact: Artifact) -> None:
    manifest = artifact.manifest
    if manifest.format != _FORMAT:
        raise ServerError(
            f"{artifact.ref} cannot be served by TorchServe in a container: its image has PyTorch alone, which loads "
            f"{_FORMAT}, not {manifest.format}"
        )
    if manifest.batch_sizes:
        raise ServerError(
            f"{artifact.ref} cannot be served by TorchServe in a container: it computes batches of "
            f"{', '.join(map(str, manifest.batch_sizes))} only, and nothing there puts others together from these"
        )
    for spec in (*manifest.inputs, *manifest.outputs):
        if spec.dtype not in _DTYPES:
            raise ServerError(
                f"{artifact.ref} cannot be served by TorchServe in a container: tensor {spec.name!r} is {spec.dtype}, "
                f"expected one of {', '.join(_DTYPES)}"
            )


def _described(artifact: Artifact, runtime: Runtime) -> str:
    """What the handler says of itself, but for what only it knows: what really runs."""
    from servers.protocols.torchserve_rest.description import encode_customized  # brings its client's libraries

    manifest = artifact.manifest
    metadata = ModelMetadata(manifest.model, runtime.platform, manifest.inputs, manifest.outputs, ("1.0",))
    facts = {"format": manifest.format, "precision": manifest.precision, "artifact": artifact.ref}
    return encode_customized(metadata, facts | {"sha256": manifest.sha256}).decode()


def _command(folder: Path) -> tuple[str, ...]:
    """``torchserve`` is on PATH in the official image and in ours."""
    return (
        *("torchserve", "--start", "--foreground", "--no-config-snapshots", "--disable-token-auth"),
        *("--ts-config", str(folder / "config.properties"), "--log-config", str(folder / "log4j2.xml")),
    )


CONTAINER: Container = _TorchServe()
