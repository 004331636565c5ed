"""The gRPC API: tensors in messages that are on the wire what the official ones are."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from google.protobuf.message import DecodeError

from exporters.savedmodel.signature import SERVING_DEFAULT
from models import Tensors, TensorSpec
from servers.oip import strings, tensors
from servers.oip.datatypes import from_numpy as oip_datatype
from servers.oip.errors import OipError
from servers.oip.message import VERSION, InferRequest
from servers.oip.metadata import ModelMetadata
from servers.tfserving_api import tfserving_pb2 as pb
from servers.tfserving_api.datatypes import STRING, from_numpy, to_numpy
from servers.tfserving_api.errors import TfServingError
from servers.tfserving_api.signature import AVAILABLE, LOADING, METHOD, chosen, tensor, wire_datatype, wire_shape

PREDICTION: Final = "tensorflow.serving.PredictionService"
MODEL: Final = "tensorflow.serving.ModelService"
PREDICT: Final = f"/{PREDICTION}/Predict"
METADATA: Final = f"/{PREDICTION}/GetModelMetadata"
STATUS: Final = f"/{MODEL}/GetModelStatus"
SIGNATURES: Final = "signature_def"
"""The one field of the metadata that there is."""

_SIGNATURES_TYPE: Final = "type.googleapis.com/tensorflow.serving.SignatureDefMap"
_VALUES: Final = {
    "DT_FLOAT": "float_val",
    "DT_DOUBLE": "double_val",
    "DT_HALF": "half_val",
    "DT_INT8": "int_val",
    "DT_INT16": "int_val",
    "DT_INT32": "int_val",
    "DT_INT64": "int64_val",
    "DT_UINT8": "int_val",
    "DT_UINT16": "int_val",
    "DT_UINT32": "uint32_val",
    "DT_UINT64": "uint64_val",
    "DT_BOOL": "bool_val",
    STRING: "string_val",
}
"""The field that carries a datatype's elements where ``tensor_content`` does not."""
_MOST_REPEATED: Final = 2**24
"""Elements that one value may stand for: a short message must not take much memory."""


def encode_tensor(array: np.ndarray) -> pb.TensorProto:
    """A tensor, its elements in ``tensor_content``; strings have a field of their own.

    Raises:
        TfServingError: the API has no such type.
    """
    datatype = from_numpy(array.dtype)
    message = pb.TensorProto(dtype=datatype)
    for size in array.shape:
        message.tensor_shape.dim.add(size=size)
    if datatype == STRING:
        try:
            message.string_val.extend(strings.elements(array))
        except OipError as error:
            raise TfServingError(str(error)) from error
    else:
        message.tensor_content = array.tobytes()
    return message


def encode_repeated(array: np.ndarray) -> pb.TensorProto:
    """A tensor of numbers that are all the same, as one value."""
    message = encode_tensor(array)
    message.tensor_content = b""
    value = array.ravel()[:1]
    bits = value.view(np.uint16) if array.dtype == np.float16 else value
    getattr(message, _VALUES[from_numpy(array.dtype)]).extend(bits.tolist())
    return message


def decode_tensor(name: str, message: pb.TensorProto) -> np.ndarray:
    """The array of a tensor, from ``tensor_content`` or from the field of its datatype, aligned and writable.

    As in TensorFlow, values that are missing at the end are as the last one that is there.

    Raises:
        TfServingError: an unsupported datatype, or a shape that the values do not fit.
    """
    try:
        dtype = to_numpy(_datatype(message.dtype))
    except TfServingError as error:
        raise TfServingError(f"tensor {name!r}: {error}") from error
    if message.tensor_shape.unknown_rank:
        raise TfServingError(f"tensor {name!r} tells no number of axes")
    shape = tuple(axis.size for axis in message.tensor_shape.dim)
    values = getattr(message, _VALUES[_datatype(message.dtype)])
    try:
        if dtype.kind == "O":
            return tensors.from_list(name, "BYTES", shape or (1,), _filled(name, list(values), shape)).reshape(shape)
        if message.tensor_content or not values:
            return tensors.from_raw(name, oip_datatype(dtype), shape, message.tensor_content)
        if dtype == np.float16:
            patterns = tensors.from_list(name, "UINT16", (len(values),), list(values))
            flat = patterns.view(np.float16)
        else:
            flat = tensors.from_list(name, oip_datatype(dtype), (len(values),), list(values))
    except OipError as error:
        raise TfServingError(str(error)) from error
    return np.array(_filled(name, flat.tolist(), shape), dtype).reshape(shape)


def encode_request(model: str, inputs: Tensors) -> pb.PredictRequest:
    """A request for all outputs of the default signature.

    Raises:
        TfServingError: a tensor that the API cannot hold.
    """
    message = pb.PredictRequest(model_spec=pb.ModelSpec(name=model, signature_name=SERVING_DEFAULT))
    _encode_tensors(message.inputs, inputs)
    return message


def decode_request(message: pb.PredictRequest) -> InferRequest:
    """Read a request; an empty ``output_filter`` asks for all outputs.

    Raises:
        TfServingError: inconsistent tensors.
    """
    return InferRequest(_decode_tensors(message.inputs), dict.fromkeys(message.output_filter, True))


def encode_response(model: str, outputs: Tensors) -> pb.PredictResponse:
    """A model's answer.

    Raises:
        TfServingError: a tensor that the API cannot hold.
    """
    message = pb.PredictResponse(model_spec=_about(model))
    _encode_tensors(message.outputs, outputs)
    return message


def decode_response(message: pb.PredictResponse) -> dict[str, np.ndarray]:
    """The outputs, in the order of their names.

    Raises:
        TfServingError: inconsistent tensors.
    """
    return _decode_tensors(message.outputs)


def encode_status(metadata: ModelMetadata, *, ready: bool) -> pb.GetModelStatusResponse:
    """The answer of ``GetModelStatus``."""
    message = pb.GetModelStatusResponse()
    for version in metadata.versions:
        message.model_version_status.add(
            version=int(version), state=AVAILABLE if ready else LOADING
        ).status.SetInParent()
    return message


def decode_status(message: pb.GetModelStatusResponse) -> bool:
    """Whether a version of the model is available."""
    return any(version.state == pb.ModelVersionStatus.AVAILABLE for version in message.model_version_status)


def encode_metadata(metadata: ModelMetadata) -> pb.GetModelMetadataResponse:
    """The answer of ``GetModelMetadata``."""
    signature = pb.SignatureDef(method_name=METHOD)
    for entries, specs in ((signature.inputs, metadata.inputs), (signature.outputs, metadata.outputs)):
        for spec in specs:
            entries[spec.name].CopyFrom(tensor_info(spec, f"{spec.name}:0"))
    message = pb.GetModelMetadataResponse(model_spec=_about(metadata.name, signature=""))
    found = message.metadata[SIGNATURES]
    found.type_url = _SIGNATURES_TYPE  # Pack would write the name that the message has here
    found.value = pb.SignatureDefMap(signature_def={SERVING_DEFAULT: signature}).SerializeToString()
    return message


def decode_metadata(message: pb.GetModelMetadataResponse) -> ModelMetadata:
    """Read the answer of ``GetModelMetadata``; tensors are in the order of their names.

    Raises:
        TfServingError: without the default signature, or with types that we cannot hold.
    """
    found = message.metadata[SIGNATURES]  # an empty one where there is none
    if found.type_url != _SIGNATURES_TYPE:
        raise TfServingError("the metadata has no signatures")
    try:
        signatures = pb.SignatureDefMap.FromString(found.value).signature_def
    except DecodeError as error:
        raise TfServingError(f"the metadata's signatures cannot be read: {error}") from error
    signature = signatures[chosen(signatures)]
    inputs, outputs = (
        tuple(_spec(name, tensors[name]) for name in sorted(tensors))
        for tensors in (signature.inputs, signature.outputs)
    )
    about = message.model_spec
    return ModelMetadata(about.name, "", inputs, outputs, (str(about.version.value),))


def tensor_info(spec: TensorSpec, name: str) -> pb.TensorInfo:
    """A tensor in a signature; ``name`` is what the graph calls it."""
    info = pb.TensorInfo(name=name, dtype=wire_datatype(spec))
    info.tensor_shape.SetInParent()
    for size in wire_shape(spec):
        info.tensor_shape.dim.add(size=size)
    return info


def _spec(name: str, info: pb.TensorInfo) -> TensorSpec:
    if info.tensor_shape.unknown_rank:
        raise TfServingError(f"tensor {name!r} tells no number of axes")
    return tensor(name, _datatype(info.dtype), [axis.size for axis in info.tensor_shape.dim])


def _about(model: str, signature: str = SERVING_DEFAULT) -> pb.ModelSpec:
    about = pb.ModelSpec(name=model, signature_name=signature)
    about.version.value = int(VERSION)
    return about


def _encode_tensors(entries: Any, arrays: Tensors) -> None:
    for name, array in arrays.items():
        try:
            entries[name].CopyFrom(encode_tensor(array))
        except TfServingError as error:
            raise TfServingError(f"tensor {name!r}: {error}") from error


def _decode_tensors(entries: Mapping[str, Any]) -> dict[str, np.ndarray]:
    return {name: decode_tensor(name, entries[name]) for name in sorted(entries)}


def _datatype(number: int) -> str:
    """The name of an enum's value, or the number of one that our messages leave out."""
    found = pb.DataType.DESCRIPTOR.values_by_number.get(number)
    return str(found.name) if found else str(number)


def _filled(name: str, values: list[Any], shape: tuple[int, ...]) -> list[Any]:
    count = math.prod(shape)
    if (
        any(size < 0 for size in shape)
        or len(values) > count
        or (count and not values)
        or count > max(_MOST_REPEATED, len(values))
    ):
        raise TfServingError(f"tensor {name!r} has {len(values)} values, but its shape is {list(shape)}")
    return values + values[-1:] * (count - len(values))
