"""An artifact made one instance: in our own servers, and in the processes in which other stacks run Python."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from exporters.artifact import Artifact
from exporters.checker import Compute
from models import TensorSpec, check_tensors
from servers.errors import ServerError
from servers.runtimes import LoadedModel, runtime_for


def load(artifact: Artifact, compute: Compute, *, max_batch: int = 1) -> tuple[LoadedModel, Mapping[str, str]]:
    """Load an artifact by the runtime of its format and let it answer once for every batch size that may come.

    Args:
        max_batch: most items that requests are joined to; 1 where they are not joined.

    Returns:
        The instance; and what really runs by its own account, with which artifact it is.

    Raises:
        UnknownName: no runtime loads its format.
        TailbedError: it cannot be loaded, or its first answer is not what its manifest says.
    """
    manifest = artifact.manifest
    model = runtime_for(manifest.format).load(artifact.model_file, compute)
    # With batching, of every size that can come: some libraries compile or plan at the first request of each size,
    # which must not fall into a request; and the specifications may promise too much.
    for batch in range(1, max_batch + 1):
        outputs = model.run({spec.name: zeros(spec, batch) for spec in manifest.inputs})
        check_tensors(manifest.outputs, outputs)
        if batch > 1 and (wrong := [name for name, array in outputs.items() if len(array) != batch]):
            raise ServerError(
                f"{artifact.ref} cannot be batched: output {wrong[0]!r} has {len(outputs[wrong[0]])} "
                f"entries for {batch} items"
            )
    which = {"format": manifest.format, "precision": manifest.precision, "artifact": artifact.ref}
    return model, {**model.facts, **which, "sha256": manifest.sha256}


def zeros(spec: TensorSpec, batch: int) -> np.ndarray:
    """Zeros with ``batch`` items, and with all other axes of any length at 1."""
    shape = [(1 if axis else batch) if isinstance(size, str) else size for axis, size in enumerate(spec.shape)]
    return np.zeros(shape, dtype=spec.dtype)
