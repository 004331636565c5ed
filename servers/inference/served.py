"""An artifact as a server sees it: loaded, checked, ready or not, asked by any number of clients at once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import numpy as np

from exporters.artifact import Artifact
from exporters.checker import Compute
from models import TailbedError, check_tensors
from servers.deployment import Settings
from servers.errors import ServerError
from servers.inference.batching import check_batchable
from servers.inference.instances import Instances
from servers.inference.loading import load
from servers.inference.metrics import ModelMetrics
from servers.oip.config import ModelConfig
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
            ServerError: requests are to be batched, and its requests cannot be joined.
        """
        self._artifact = Artifact.read(folder)
        self._runtime = runtime_for(self._artifact.manifest.format)
        self._compute = Compute(settings.device, settings.threads)
        manifest = self._artifact.manifest
        self.metadata = ModelMetadata(
            manifest.model, self._runtime.platform, manifest.inputs, manifest.outputs, (VERSION,)
        )
        if settings.max_batch > 1:
            check_batchable(manifest)
        self.metrics = ModelMetrics(manifest.model, batching=settings.max_batch > 1)
        self.ready = False
        self._settings = settings
        self._facts: Mapping[str, str] = {}
        self._instances = Instances(
            settings.instances,
            self._load,
            self.metrics,
            max_batch=settings.max_batch,
            max_delay_us=settings.max_delay_us,
        )
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
        self.metrics.ready.set(1)
        facts = ", ".join(f"{name} {fact}" for name, fact in self._facts.items())
        _log.info("%s is ready on %s: %s", self._artifact.ref, self._runtime.name, facts)

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
        self._check_ready()
        check_tensors(self.metadata.inputs, request.inputs)
        if unknown := request.outputs.keys() - self._outputs:
            raise OipError(f"unknown output {min(unknown)!r}: the model has {', '.join(sorted(self._outputs))}")
        outputs = await self._instances.run(request.inputs)
        return {name: outputs[name] for name in request.outputs} if request.outputs else outputs

    def config(self) -> ModelConfig:
        """How the model is run; its parameters are the runtime's own facts, and which artifact it is.

        Raises:
            NotReady: the model is still being loaded: there are no facts yet.
        """
        self._check_ready()
        settings = self._settings
        return ModelConfig(
            self.metadata,
            settings.instances,
            "KIND_CPU" if settings.device == "cpu" else "KIND_GPU",
            settings.max_batch if settings.max_batch > 1 else 0,
            settings.max_delay_us,
            self._facts,
        )

    def close(self) -> None:
        """Stop the instances."""
        self.ready = False
        self.metrics.ready.set(0)
        self._instances.close()

    def _check_ready(self) -> None:
        if not self.ready:
            raise NotReady(f"model {self.metadata.name!r} is not ready: it is being loaded")

    def _load(self) -> LoadedModel:
        model, self._facts = load(self._artifact, self._compute, max_batch=self._settings.max_batch)
        return model
