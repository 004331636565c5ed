"""A model repository with one model: its configuration, and what its backend loads."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from exporters.artifact import Artifact
from servers.deployment import Deployment, Settings
from servers.errors import ServerError
from servers.oip.config import ModelConfig
from servers.oip.metadata import ModelMetadata
from servers.triton.installation import PYTHON
from servers.triton.native import NativeBackend

CONFIG: Final = "config.pbtxt"
"""The file with a model's configuration, in Triton's text form."""

_VERSION: Final = "1"
_PROGRAM: Final = "from servers.triton.model import TritonPythonModel as TritonPythonModel\n"


def configuration(deployment: Deployment, native: NativeBackend | None, facts: Mapping[str, str]) -> str:
    """The model's ``config.pbtxt``. Its parameters tell any client which artifact is served, and by what.

    Without dynamic batching ``max_batch_size`` is 0 and the shapes are whole: a client's own batches then pass, of any
    size. There is no ``default_queue_policy``: with one, bursts stall in steps of half a second.

    Args:
        deployment: what is served and how.
        native: the backend, or None for the Python backend.
        facts: what computes it, as further parameters.

    Raises:
        ServerError: Triton cannot serve tensors of this kind.
    """
    # Not at the module's top: they bring gRPC, and the registry of stacks imports this module.
    from google.protobuf.text_format import MessageToString

    from servers.oip.grpc import encode_config

    manifest, settings = deployment.artifact.manifest, deployment.settings
    batching = settings.max_batch > 1
    _check_tensors(deployment.artifact, native, batching=batching)
    config = ModelConfig(
        ModelMetadata(manifest.model, native.platform if native else "", manifest.inputs, manifest.outputs),
        settings.instances,
        "KIND_CPU" if settings.device == "cpu" else "KIND_GPU",
        settings.max_batch if batching else 0,
        settings.max_delay_us,
        _parameters(deployment.artifact, settings, native, facts),
    )
    message = encode_config(config).config
    message.backend = native.name if native else PYTHON
    if settings.device != "cpu":
        # Else there would be so many instances on each GPU of the machine.
        message.instance_group[0].gpus.append(0)
    if native is not None:  # our program for the Python backend does so itself
        _warm_up(message, settings.max_batch)
    return str(MessageToString(message))


def write_repository(folder: Path, artifact: Artifact, config: str, native: NativeBackend | None) -> None:
    """Make ``folder`` a repository with the artifact, by links, as version 1."""
    shutil.rmtree(folder, ignore_errors=True)
    version = folder / artifact.manifest.model / _VERSION
    version.mkdir(parents=True)
    (version.parent / CONFIG).write_text(config)
    path = artifact.path.resolve()
    if native is None:
        (version / "model.py").write_text(_PROGRAM)
    elif native.file is not None:
        (version / native.file).symlink_to(path)
    else:
        for file in path.iterdir():
            (version / file.name).symlink_to(file)


def _warm_up(config: Any, max_batch: int) -> None:
    """Have Triton compute zeros of every batch size that may come before it says that the model is ready.

    Some libraries plan or allocate at the first request of each size, which must not fall into a request. See "Model
    Warmup" in "Model Configuration", NVIDIA Triton Inference Server user guide. Axes of any length are 1.

    Args:
        config: a ``ModelConfig`` message with its inputs; without batching its first axis is the batch's, which
            Triton does not know of.
        max_batch: most items that are computed together.
    """
    for batch in range(1, max_batch + 1):
        sample = config.model_warmup.add(name=f"zeros of {batch}", batch_size=batch)
        for tensor in config.input:
            entry = sample.inputs[tensor.name]
            entry.data_type = tensor.data_type
            entry.dims.extend(max(1, size) for size in tensor.dims)
            entry.zero_data = True


def _parameters(
    artifact: Artifact, settings: Settings, native: NativeBackend | None, facts: Mapping[str, str]
) -> dict[str, str]:
    manifest = artifact.manifest
    which = {
        "artifact": artifact.ref,
        "sha256": manifest.sha256,
        "format": manifest.format,
        "precision": manifest.precision,
        "backend": native.name if native else PYTHON,
        "device": settings.device,
        "threads": str(settings.threads),
        **facts,
    }
    if native is None:  # what our program is told by them
        return which | {"folder": str(artifact.folder.resolve()), "max_batch": str(settings.max_batch)}
    return which | dict(native.parameters) | ({native.threads: str(settings.threads)} if native.threads else {})


def _check_tensors(artifact: Artifact, native: NativeBackend | None, *, batching: bool) -> None:
    manifest = artifact.manifest
    for spec in manifest.inputs + manifest.outputs:
        if native is None and np.dtype(spec.dtype).kind not in "biuf":
            raise ServerError(
                f"{artifact.ref} cannot be served by Triton: tensor {spec.name!r} holds strings, which end its Python "
                f"backend under numpy 2"
            )
        if not spec.shape[int(batching) :]:
            raise ServerError(
                f"{artifact.ref} cannot be served by Triton{' with max_batch above 1' if batching else ''}: tensor "
                f"{spec.name!r} has no axis{' but that of the batch' if batching else ''}, and Triton needs one"
            )
