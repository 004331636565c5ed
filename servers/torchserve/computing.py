"""The requests that TorchServe hands to a worker together: joined where they can be, each with its own end."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np

from models import TailbedError, Tensors
from servers.inference.batching import alike, join, split
from servers.inference.instances import ComputeError
from servers.runtimes import LoadedModel

_log = logging.getLogger(__name__)

Answer = dict[str, np.ndarray] | TailbedError
"""The outputs for a request, or why there are none."""


def compute(model: LoadedModel, requests: Sequence[Tensors]) -> list[Answer]:
    """The answer to each request; their tensors are already checked."""
    groups: list[list[int]] = []
    for index, inputs in enumerate(requests):
        for group in groups:
            if alike(requests[group[0]], inputs):
                group.append(index)
                break
        else:
            groups.append([index])
    found: dict[int, Answer] = {}
    for group in groups:
        found.update(zip(group, _together(model, [requests[index] for index in group]), strict=True))
    return [found[index] for index in range(len(requests))]


def _together(model: LoadedModel, requests: list[Tensors]) -> list[Answer]:
    if len(requests) > 1:
        try:
            return [*split(model.run(join(requests)), requests)]
        except Exception as error:  # noqa: BLE001  # libraries raise anything, and one request may be to blame
            _log.warning("a batch of %d requests failed, each is computed alone: %s", len(requests), told(error))
    return [_alone(model, inputs) for inputs in requests]


def _alone(model: LoadedModel, inputs: Tensors) -> Answer:
    try:
        return model.run(inputs)
    except Exception as error:  # noqa: BLE001  # as above
        return ComputeError(told(error))


def told(error: Exception) -> str:
    """What an exception of a library says, in one line."""
    first = next(iter(str(error).strip().splitlines()), "")
    return f"{type(error).__name__}: {first}"
