"""What is answered to the requests that Triton has put into one batch."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models import TensorMismatch, Tensors, TensorSpec, check_tensors
from servers.errors import one_line
from servers.inference.batching import join, split
from servers.runtimes import LoadedModel

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Failure:
    """Why a request gets no outputs.

    Attributes:
        reason: one line.
        refused: whether the request itself is wrong; else the runtime failed on it.
    """

    reason: str
    refused: bool


def answers(
    model: LoadedModel, specs: tuple[TensorSpec, ...], requests: Sequence[Tensors]
) -> list[dict[str, np.ndarray] | Failure]:
    """Outputs by name for each request, computed together; a request that fails does not take the others with it."""
    found: dict[int, dict[str, np.ndarray] | Failure] = {}
    fitting: dict[int, Tensors] = {}
    for index, inputs in enumerate(requests):
        try:
            check_tensors(specs, inputs)
            fitting[index] = inputs
        except TensorMismatch as error:
            found[index] = Failure(str(error), refused=True)
    found |= _together(model, fitting) if len(fitting) > 1 else _one_by_one(model, fitting)
    return [found[index] for index in range(len(requests))]


def _together(model: LoadedModel, requests: dict[int, Tensors]) -> dict[int, dict[str, np.ndarray] | Failure]:
    inputs = list(requests.values())
    try:
        return dict(zip(requests, split(model.run(join(inputs)), inputs), strict=True))
    except Exception as error:  # noqa: BLE001  # libraries raise anything
        # One of them may be to blame, and the others must not fail with it.
        _log.warning("a batch of %d requests failed, each is computed alone: %s", len(requests), one_line(error))
        return _one_by_one(model, requests)


def _one_by_one(model: LoadedModel, requests: dict[int, Tensors]) -> dict[int, dict[str, np.ndarray] | Failure]:
    return {index: _alone(model, inputs) for index, inputs in requests.items()}


def _alone(model: LoadedModel, inputs: Tensors) -> dict[str, np.ndarray] | Failure:
    try:
        return model.run(inputs)
    except Exception as error:  # noqa: BLE001  # as above
        return Failure(f"the runtime failed: {type(error).__name__}: {one_line(error)}", refused=False)
