"""What a server says of a model: its platform and the specifications of its tensors."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from models import TensorSpec
from servers.oip import fields
from servers.oip.datatypes import from_numpy, to_numpy
from servers.oip.errors import OipError

_ANY = -1
"""An axis of any length, on the wire."""


@dataclass(frozen=True)
class ModelMetadata:
    """A model as its server describes it.

    Attributes:
        name: the model's name on that server.
        platform: format and runtime, such as ``onnx_onnxruntime``; empty when the server says none.
        inputs: specifications of the inputs. The wire has no names for axes of any length: the first one is
            called ``batch``, another one after its position, so that inputs agree on its length.
        outputs: specifications of the outputs.
        versions: the versions that are there.
    """

    name: str
    platform: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    versions: tuple[str, ...] = ()


def spec(name: str, datatype: object, shape: Iterable[object]) -> TensorSpec:
    """A specification from what the wire says.

    Raises:
        OipError: an unknown datatype, or a shape that is none.
    """
    axes: list[int | str] = []
    for position, size in enumerate(shape):
        if type(size) is not int or size < _ANY:
            raise OipError(f"tensor {name!r}: {size!r} is no length of an axis")
        axes.append(size if size != _ANY else f"axis{position}" if position else "batch")
    try:
        return TensorSpec(name, str(to_numpy(datatype)), tuple(axes))
    except OipError as error:
        raise OipError(f"tensor {name!r}: {error}") from error


def wire_shape(of: TensorSpec) -> list[int]:
    """The shape as the wire has it, -1 for an axis of any length."""
    return [_ANY if isinstance(size, str) else size for size in of.shape]


def wire_datatype(of: TensorSpec) -> str:
    """The datatype as the wire has it."""
    return from_numpy(np.dtype(of.dtype))


def encode_metadata(metadata: ModelMetadata) -> bytes:
    """The answer of ``GET /v2/models/NAME``."""
    return orjson.dumps(
        {
            "name": metadata.name,
            "versions": metadata.versions,
            "platform": metadata.platform,
            "inputs": [_entry(tensor) for tensor in metadata.inputs],
            "outputs": [_entry(tensor) for tensor in metadata.outputs],
        }
    )


def decode_metadata(body: bytes) -> ModelMetadata:
    """Read the answer of ``GET /v2/models/NAME``.

    Raises:
        OipError: malformed.
    """
    header = fields.load(body)
    versions = header.get("versions") or []
    if not isinstance(versions, list):
        raise OipError("'versions' is not a list")
    return ModelMetadata(
        fields.text(header, "name"),
        fields.text(header, "platform"),
        _specs(header, "inputs"),
        _specs(header, "outputs"),
        tuple(map(str, versions)),
    )


def _entry(tensor: TensorSpec) -> dict[str, Any]:
    return {"name": tensor.name, "datatype": wire_datatype(tensor), "shape": wire_shape(tensor)}


def _specs(header: dict[str, Any], key: str) -> tuple[TensorSpec, ...]:
    found: list[TensorSpec] = []
    for entry in fields.entries(header, key, required=True):
        name, shape = fields.name(entry), entry.get("shape")
        if not isinstance(shape, list):
            raise OipError(f"tensor {name!r}: shape is not a list")
        found.append(spec(name, entry.get("datatype"), shape))
    return tuple(found)
