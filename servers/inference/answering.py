"""What is answered to requests that another stack has put into one batch, each with its own end."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np

from models import TensorMismatch, Tensors, TensorSpec, check_tensors
from servers.errors import one_line
from servers.inference.batching import alike, join, split
from servers.inference.instances import ComputeError
from servers.runtimes import LoadedModel

_log = logging.getLogger(__name__)

Answer = dict[str, np.ndarray] | TensorMismatch | ComputeError
"""The outputs for a request, or why there are none: it is not what the model takes, or the runtime failed on it."""


def answers(model: LoadedModel, specs: tuple[TensorSpec, ...], requests: Sequence[Tensors]) -> list[Answer]:
    """The answer to each request. Those that can be joined are computed together; none fails with another.

    Args:
        specs: of the model's inputs.
    """
    found: dict[int, Answer] = {}
    groups: list[dict[int, Tensors]] = []
    for index, inputs in enumerate(requests):
        try:
            check_tensors(specs, inputs)
        except TensorMismatch as error:
            found[index] = error
            continue
        fitting = next((group for group in groups if alike(next(iter(group.values())), inputs)), None)
        if fitting is None:
            groups.append({index: inputs})
        else:
            fitting[index] = inputs
    for group in groups:
        found |= _together(model, group)
    return [found[index] for index in range(len(requests))]


def told(error: Exception) -> str:
    """What an exception of a library says, in one line."""
    return f"{type(error).__name__}: {one_line(error)}"


def _together(model: LoadedModel, requests: dict[int, Tensors]) -> dict[int, Answer]:
    if len(requests) > 1:
        inputs = list(requests.values())
        try:
            return dict(zip(requests, split(model.run(join(inputs)), inputs), strict=True))
        except Exception as error:  # noqa: BLE001  # libraries raise anything, and one request may be to blame
            _log.warning("a batch of %d requests failed, each is computed alone: %s", len(requests), told(error))
    return {index: _alone(model, inputs) for index, inputs in requests.items()}


def _alone(model: LoadedModel, inputs: Tensors) -> Answer:
    try:
        return model.run(inputs)
    except Exception as error:  # noqa: BLE001  # as above
        return ComputeError(f"the runtime failed: {told(error)}")
