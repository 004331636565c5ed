"""TensorFlow Serving's own options for a deployment: its command line and its files.

The options are those of ``tensorflow_serving/model_servers/main.cc``; the files are text of the messages in
``tensorflow_serving/config/monitoring_config.proto`` and ``servables/tensorflow/session_bundle_config.proto``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from exporters.savedmodel.signature import SERVING_DEFAULT
from servers.deployment import Deployment, Settings
from servers.errors import ServerError
from servers.inference.batching import check_batchable
from servers.inference.command import check_settings
from servers.tfserving.formats import check_format

MONITORING: Final = "monitoring.txt"
BATCHING: Final = "batching_parameters.txt"
METRICS_PATH: Final = "/monitoring/prometheus/metrics"

_ENQUEUED: Final = 1_000_000
"""As in the documentation's example. By default requests are turned away where a few batches wait, which a load would
count as failures where other servers let them wait."""


def check(stack: str, deployment: Deployment, *, devices: Sequence[str] = ("cpu",)) -> None:
    """Check that TensorFlow Serving can do what the settings ask.

    Args:
        stack: what it is called.
        deployment: what is served and how.
        devices: what it may compute on.

    Raises:
        ServerError: it cannot.
    """
    settings, artifact = deployment.settings, deployment.artifact
    check_settings(settings)
    check_format(stack, artifact)
    if settings.device not in devices:
        raise ServerError(
            f"{artifact.ref} cannot be served on {settings.device}: {stack} computes on {devices[0]} here"
        )
    if settings.device == "cuda" and artifact.manifest.format == "tflite":
        raise ServerError(
            f"{artifact.ref} cannot be served on cuda: {stack} computes TensorFlow Lite models on the CPU"
        )
    signature = artifact.manifest.settings.get("signature", SERVING_DEFAULT)
    if signature != SERVING_DEFAULT and artifact.manifest.format == "savedmodel":
        raise ServerError(
            f"{artifact.ref} cannot be served by {stack}: its signature is {signature!r}, and clients ask for "
            f"{SERVING_DEFAULT!r}"
        )
    if settings.threads > 1 and artifact.manifest.format == "tflite":
        raise ServerError(
            f"threads is {settings.threads}: {stack} computes a TensorFlow Lite model with one thread an interpreter"
        )
    if settings.threads > 1 and settings.instances > 1:
        raise ServerError(
            f"instances is {settings.instances} and threads {settings.threads}: {stack} has one session, whose threads "
            "all requests share: choose 1 for one of the two"
        )
    if settings.max_batch > 1:
        check_batchable(artifact.manifest)
        if sizes := artifact.manifest.batch_sizes:
            raise ServerError(
                f"max_batch is {settings.max_batch}: {artifact.ref} computes batches of "
                f"{', '.join(map(str, sizes))} only, and {stack} does not put others together from these"
            )


def files(settings: Settings) -> dict[str, str]:
    """Its configuration files, text by name."""
    found = {MONITORING: f'prometheus_config {{\n  enable: true\n  path: "{METRICS_PATH}"\n}}\n'}
    if settings.max_batch > 1:
        values = {
            "max_batch_size": settings.max_batch,
            "batch_timeout_micros": settings.max_delay_us,
            "max_enqueued_batches": _ENQUEUED,
            "num_batch_threads": settings.instances,
        }
        found[BATCHING] = "".join(f"{name} {{ value: {value} }}\n" for name, value in values.items())
    return found


def options(deployment: Deployment, *, ports: Mapping[str, int], base: Path, folder: Path) -> tuple[str, ...]:
    """Its command line, but for the program.

    Args:
        ports: ``grpc`` and ``http``.
        base: the model's folder, with one folder a version.
        folder: where the files are.
    """
    settings, manifest = deployment.settings, deployment.artifact.manifest
    told: dict[str, object] = {
        "port": ports["grpc"],
        "rest_api_port": ports["http"],
        "model_name": manifest.model,
        "model_base_path": base,
        "monitoring_config_file": folder / MONITORING,
        "enable_model_warmup": "true",
        # A model that cannot be loaded ends the server: by default it would try again every minute.
        "max_num_load_retries": 0,
        "tensorflow_intra_op_parallelism": settings.threads,
        "tensorflow_inter_op_parallelism": settings.instances,
    }
    if manifest.format == "tflite":
        told |= {"prefer_tflite_model": "true", "num_tflite_pools": settings.instances}
    if settings.max_batch > 1:
        told |= {"enable_batching": "true", "batching_parameters_file": folder / BATCHING}
    return tuple(f"--{name}={value}" for name, value in told.items())
