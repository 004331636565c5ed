"""The protocol over gRPC: tensors in the official messages, as raw contents or as typed ones."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

import numpy as np
from google.protobuf.json_format import ParseDict
from tritonclient.grpc import service_pb2 as pb

from models import Tensors
from servers.oip import strings, tensors
from servers.oip.config import ModelConfig
from servers.oip.datatypes import BYTES, from_numpy
from servers.oip.errors import OipError
from servers.oip.message import VERSION, InferRequest, InferResponse, add
from servers.oip.metadata import ModelMetadata, spec, wire_datatype, wire_shape

_CONTENTS: Final = {
    "BOOL": "bool_contents",
    "UINT8": "uint_contents",
    "UINT16": "uint_contents",
    "UINT32": "uint_contents",
    "UINT64": "uint64_contents",
    "INT8": "int_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    BYTES: "bytes_contents",
}
"""The field that carries a datatype's elements. FP16 has none and goes as raw contents only."""


def encode_request(
    model: str, inputs: Tensors, *, raw: bool = True, outputs: Collection[str] = (), version: str = "", id: str = ""
) -> pb.ModelInferRequest:
    """A request for ``outputs`` (all when empty); ``raw`` says how its tensors go.

    Raises:
        OipError: a tensor that the protocol cannot hold.
    """
    message = pb.ModelInferRequest(model_name=model, model_version=version, id=id)
    for name in outputs:
        message.outputs.add(name=name)
    for name, array in inputs.items():
        entry = message.inputs.add(name=name, datatype=from_numpy(array.dtype), shape=array.shape)
        if raw:
            message.raw_input_contents.append(tensors.to_raw(array))
        else:
            _fill(entry, array)
    return message


def encode_response(
    model: str, outputs: Tensors, *, raw: bool = True, version: str = VERSION, id: str = ""
) -> pb.ModelInferResponse:
    """A model's answer; ``raw`` says how its tensors go.

    Raises:
        OipError: a tensor that the protocol cannot hold.
    """
    message = pb.ModelInferResponse(model_name=model, model_version=version, id=id)
    for name, array in outputs.items():
        entry = message.outputs.add(name=name, datatype=from_numpy(array.dtype), shape=array.shape)
        if raw:
            message.raw_output_contents.append(tensors.to_raw(array))
        else:
            _fill(entry, array)
    return message


def decode_request(message: pb.ModelInferRequest) -> InferRequest:
    """Read a request.

    Raises:
        OipError: inconsistent, or asking for what we do not have.
    """
    wanted: dict[str, bool] = {}
    for output in message.outputs:
        for unsupported in {"classification", "shared_memory_region"} & set(output.parameters):
            raise OipError(f"output {output.name!r}: {unsupported} is not supported")
        if output.name in wanted:
            raise OipError(f"output {output.name!r} is asked for twice")
        wanted[output.name] = True
    inputs = _decode_tensors(message.inputs, message.raw_input_contents)
    return InferRequest(inputs, wanted, binary_output=True, id=message.id)


def decode_response(message: pb.ModelInferResponse) -> InferResponse:
    """Read an answer.

    Raises:
        OipError: inconsistent.
    """
    outputs = _decode_tensors(message.outputs, message.raw_output_contents)
    return InferResponse(message.model_name, outputs, message.model_version, message.id)


def encode_metadata(metadata: ModelMetadata) -> pb.ModelMetadataResponse:
    """The answer of ``ModelMetadata``."""
    message = pb.ModelMetadataResponse(name=metadata.name, versions=metadata.versions, platform=metadata.platform)
    for entries, specs in ((message.inputs, metadata.inputs), (message.outputs, metadata.outputs)):
        for tensor in specs:
            entries.add(name=tensor.name, datatype=wire_datatype(tensor), shape=wire_shape(tensor))
    return message


def decode_metadata(message: pb.ModelMetadataResponse) -> ModelMetadata:
    """Read the answer of ``ModelMetadata``.

    Raises:
        OipError: a datatype or a shape that is none.
    """
    inputs, outputs = (
        tuple(spec(entry.name, entry.datatype, entry.shape) for entry in entries)
        for entries in (message.inputs, message.outputs)
    )
    return ModelMetadata(message.name, message.platform, inputs, outputs, tuple(message.versions))


def encode_config(config: ModelConfig) -> pb.ModelConfigResponse:
    """The answer of ``ModelConfig``."""
    return ParseDict({"config": config.message()}, pb.ModelConfigResponse())


def decode_parameters(message: pb.ModelConfigResponse) -> dict[str, str]:
    """The parameters in the answer of ``ModelConfig``."""
    return {name: value.string_value for name, value in message.config.parameters.items()}


def _decode_tensors(entries: Sequence[Any], raw: Sequence[bytes]) -> dict[str, np.ndarray]:
    if raw and len(raw) != len(entries):
        raise OipError(f"{len(raw)} raw contents for {len(entries)} tensors")
    found: dict[str, np.ndarray] = {}
    for index, entry in enumerate(entries):
        if raw:
            if entry.HasField("contents"):
                raise OipError(f"tensor {entry.name!r} has both raw and typed contents")
            array = tensors.from_raw(entry.name, entry.datatype, tuple(entry.shape), raw[index])
        else:
            array = _typed(entry)
        add(found, entry.name, array)
    return found


def _fill(entry: Any, array: np.ndarray) -> None:
    field = _CONTENTS.get(entry.datatype)
    if field is None:
        raise OipError(f"tensor {entry.name!r}: {entry.datatype} has no typed contents")
    values = strings.elements(array) if entry.datatype == BYTES else array.ravel().tolist()
    getattr(entry.contents, field).extend(values)


def _typed(entry: Any) -> np.ndarray:
    field = _CONTENTS.get(entry.datatype)
    if field is None:
        raise OipError(
            f"tensor {entry.name!r}: {entry.datatype} has no typed contents: "
            f"choose from {', '.join(_CONTENTS)}, or send raw ones"
        )
    for other, _ in entry.contents.ListFields():
        if other.name != field:
            raise OipError(f"tensor {entry.name!r}: {entry.datatype} goes into {field}, not into {other.name}")
    values = list(getattr(entry.contents, field))
    return tensors.from_list(entry.name, entry.datatype, tuple(entry.shape), values)
