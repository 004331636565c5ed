"""An artifact as a server sees it: loaded, checked, ready or not, asked by any number of clients at once."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np

from exporters.artifact import Artifact
from exporters.checker import Compute
from models import TailbedError, TensorSpec, check_tensors
from servers.deployment import Settings
from servers.errors import ServerError
from servers.inference.instances import Instances
from servers.inference.metrics import ModelMetrics
from servers.oip.errors import OipError
from servers.oip.message import VERSION, InferRequest
from servers.oip.metadata import ModelMetadata
from servers.runtimes import LoadedModel, runtime_for

_log = logging.getLogger(__name__)

MAX_REQUEST_BYTES: Final = 64 * 1024 * 1024
"""Larger requests are refused, as Triton does by default."""


class NotReady(TailbedError):
    """The model is still being loaded."""


class UnknownModel(TailbedError):
    """A model or a version that this server does not have."""


class ServedModel:
    """One artifact on its runtime, computed by its instances.

    Attributes:
        metadata: what the protocol says of it.
        metrics: its counters and histograms.
        ready: whether every instance is loaded and has answered once.
    """

    def __init__(self, folder: Path, settings: Settings) -> None:
        """Read the artifact's manifest; ``load`` does the rest.

        Raises:
            ArtifactError: there is no artifact in ``folder``.
            UnknownName: no runtime loads its format.
        """
        self._artifact = Artifact.read(folder)
        self._runtime = runtime_for(self._artifact.manifest.format)
        self._compute = Compute(settings.device, settings.threads)
        manifest = self._artifact.manifest
        self.metadata = ModelMetadata(
            manifest.model, self._runtime.platform, manifest.inputs, manifest.outputs, (VERSION,)
        )
        self.metrics = ModelMetrics(manifest.model)
        self.ready = False
        self._facts = ""
        self._instances = Instances(settings.instances, self._load, self.metrics)
        self._outputs = {spec.name for spec in manifest.outputs}

    async def load(self, before_ready: Callable[[], None]) -> None:
        """Load every instance and let it answer once, call ``before_ready``; then the model is ready.

        Raises:
            ServerError: the artifact cannot be loaded, or its first answer is not what its manifest says.
        """
        try:
            await self._instances.start()
        except TailbedError as error:
            raise ServerError(str(error)) from error
        except Exception as error:
            first = next(iter(str(error).strip().splitlines()), "")
            raise ServerError(f"{self._artifact.ref} cannot compute: {type(error).__name__}: {first}") from error
        before_ready()
        self.ready = True
        _log.info("%s is ready on %s: %s", self._artifact.ref, self._runtime.name, self._facts)

    def known(self, model: str, version: str = "") -> None:
        """Check that this model is meant.

        Raises:
            UnknownModel: it is not.
        """
        if model != self.metadata.name:
            raise UnknownModel(f"unknown model {model!r}: this server has {self.metadata.name!r}")
        if version not in ("", VERSION):
            raise UnknownModel(f"model {model!r} has no version {version!r}: it has {VERSION!r}")

    async def infer(self, request: InferRequest) -> dict[str, np.ndarray]:
        """The outputs asked for.

        Raises:
            NotReady: the model is still being loaded.
            TensorMismatch: the inputs are not what the model takes.
            OipError: an output that the model does not have.
            ComputeError: the runtime failed.
        """
        if not self.ready:
            raise NotReady(f"model {self.metadata.name!r} is not ready: it is being loaded")
        check_tensors(self.metadata.inputs, request.inputs)
        if unknown := request.outputs.keys() - self._outputs:
            raise OipError(f"unknown output {min(unknown)!r}: the model has {', '.join(sorted(self._outputs))}")
        outputs = await self._instances.run(request.inputs)
        return {name: outputs[name] for name in request.outputs} if request.outputs else outputs

    def close(self) -> None:
        """Stop the instances."""
        self.ready = False
        self._instances.close()

    def _load(self) -> LoadedModel:
        manifest = self._artifact.manifest
        model = self._runtime.load(self._artifact.model_file, self._compute)
        self._facts = ", ".join(f"{name} {fact}" for name, fact in model.facts.items())
        check_tensors(manifest.outputs, model.run({spec.name: _zeros(spec) for spec in manifest.inputs}))
        return model


def _zeros(spec: TensorSpec) -> np.ndarray:
    return np.zeros([1 if isinstance(size, str) else size for size in spec.shape], dtype=spec.dtype)
