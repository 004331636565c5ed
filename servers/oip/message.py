"""Requests and answers as values, whatever wire they came over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from servers.oip.errors import OipError

VERSION = "1"
"""The one version that a model has on our servers."""


@dataclass(frozen=True)
class InferRequest:
    """What is asked of a model.

    Attributes:
        inputs: arrays by name, aligned and writable.
        outputs: the names of the outputs asked for, each with whether it is wanted as binary data (HTTP only);
            empty asks for all.
        binary_output: whether outputs that are not named are wanted as binary data (HTTP only).
        id: the client's own, to be given back; empty when there is none.
    """

    inputs: dict[str, np.ndarray]
    outputs: Mapping[str, bool] = field(default_factory=dict)
    binary_output: bool = False
    id: str = ""

    def binary(self, output: str) -> bool:
        """Whether ``output`` is wanted as binary data."""
        return self.outputs.get(output, self.binary_output)


@dataclass(frozen=True)
class InferResponse:
    """What a model answered.

    Attributes:
        model: the model's name, as the server says it.
        outputs: arrays by name, aligned and writable.
        version: the model's version; empty when the server says none.
        id: the request's.
    """

    model: str
    outputs: dict[str, np.ndarray]
    version: str = ""
    id: str = ""


def add(tensors: dict[str, np.ndarray], name: str, array: np.ndarray) -> None:
    """Put one more tensor of a message among those already read.

    Raises:
        OipError: the message has two of that name.
    """
    if name in tensors:
        raise OipError(f"tensor {name!r} is there twice")
    tensors[name] = array
