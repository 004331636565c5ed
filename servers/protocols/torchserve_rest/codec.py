"""Tensors as safetensors, which TorchServe carries both ways without looking into them.

TorchServe leaves it to a model's handler what requests and answers are. Ours takes and gives safetensors (names,
dtypes, shapes and raw values): as the body over REST, and as the input ``data`` over gRPC.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from models import Tensors
from servers.errors import MessageError

CONTENT_TYPE: Final = "application/octet-stream"


def encode(tensors: Tensors) -> bytes:
    """The tensors as bytes.

    Raises:
        MessageError: one has a dtype that safetensors does not have, such as strings.
    """
    for name, array in tensors.items():
        if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
            raise MessageError(f"tensor {name!r}: safetensors cannot hold dtype {array.dtype}")
    # It writes the memory as it lies there.
    plain = {name: np.ascontiguousarray(array).reshape(array.shape) for name, array in tensors.items()}
    saved: bytes = save(plain)
    return saved


def decode(body: bytes) -> dict[str, np.ndarray]:
    """Read what ``encode`` made.

    Raises:
        MessageError: it is not safetensors, or a dtype is none that numpy has.
    """
    try:
        found: dict[str, np.ndarray] = load(body)
    except SafetensorError as error:
        raise MessageError(f"not safetensors: {error}") from error
    except KeyError as error:  # bfloat16 and the float8 types
        raise MessageError(f"safetensors with dtype {error.args[0]}, which numpy does not have") from error
    return found
