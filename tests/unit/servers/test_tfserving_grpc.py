"""TensorFlow Serving's messages: tensors as contents or by type, and what is none is told in one line."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import TensorSpec
from servers import ModelMetadata
from servers.tfserving_api import grpc as codec
from servers.tfserving_api import tfserving_pb2 as pb
from servers.tfserving_api.datatypes import from_numpy
from servers.tfserving_api.errors import TfServingError
from tests.unit.servers.tensor_strategies import arrays, same

FIELDS = {
    "float32": "float_val",
    "float64": "double_val",
    "float16": "half_val",
    "int8": "int_val",
    "int16": "int_val",
    "int32": "int_val",
    "int64": "int64_val",
    "uint8": "int_val",
    "uint16": "int_val",
    "uint32": "uint32_val",
    "uint64": "uint64_val",
    "bool": "bool_val",
    "object": "string_val",
}


def by_type(array: np.ndarray) -> pb.TensorProto:
    """A tensor as TensorFlow Serving answers it by default, without ``tensor_content``."""
    message = pb.TensorProto(dtype=from_numpy(array.dtype))
    for size in array.shape:
        message.tensor_shape.dim.add(size=size)
    values = array.view(np.uint16) if array.dtype == np.float16 else array
    getattr(message, FIELDS[str(array.dtype)]).extend(values.ravel().tolist())
    return message


@given(st.dictionaries(st.text(max_size=8), arrays(), max_size=4))
def test_requests_and_answers_are_read_as_they_were_written(tensors: dict[str, np.ndarray]):
    in_order = {name: tensors[name] for name in sorted(tensors)}
    request = pb.PredictRequest.FromString(codec.encode_request("m", tensors).SerializeToString())
    assert (request.model_spec.name, request.model_spec.signature_name) == ("m", "serving_default")
    same(codec.decode_request(request).inputs, in_order)
    response = pb.PredictResponse.FromString(codec.encode_response("m", tensors).SerializeToString())
    same(codec.decode_response(response), in_order)
    assert all(array.flags.writeable and array.flags.aligned for array in codec.decode_response(response).values())


@given(arrays())
def test_values_by_type_are_read_too(array: np.ndarray):
    found = codec.decode_tensor("x", pb.TensorProto.FromString(by_type(array).SerializeToString()))
    same({"x": found}, {"x": array})


def test_one_value_stands_for_all_as_in_tensorflow():
    message = pb.TensorProto(dtype="DT_FLOAT", float_val=[1, 2])
    for size in (2, 2):
        message.tensor_shape.dim.add(size=size)
    assert codec.decode_tensor("x", message).tolist() == [[1, 2], [2, 2]]
    repeated = codec.encode_repeated(np.zeros((3, 4), np.float16))
    assert (list(repeated.half_val), repeated.tensor_content) == ([0], b"")
    assert np.array_equal(codec.decode_tensor("x", repeated), np.zeros((3, 4), np.float16))


def tensor(**fields: object) -> pb.TensorProto:
    sizes = fields.pop("sizes", (2,))
    message = pb.TensorProto(**fields)
    for size in sizes:
        message.tensor_shape.dim.add(size=size)
    return message


BAD = {
    "no datatype": (tensor(), "DT_INVALID"),
    "a datatype that numpy lacks": (pb.TensorProto.FromString(b"\x08\x0e"), "datatype '14'"),
    "no values": (tensor(dtype="DT_FLOAT"), "0 bytes"),
    "contents too short": (tensor(dtype="DT_FLOAT", tensor_content=b"1234"), "4 bytes"),
    "too many values": (tensor(dtype="DT_FLOAT", float_val=[1, 2, 3]), "3 values"),
    "values of another type": (tensor(dtype="DT_FLOAT", int_val=[1, 2]), "0 bytes"),
    "values out of range": (tensor(dtype="DT_UINT8", int_val=[1, 256]), "range"),
    "a negative size": (tensor(dtype="DT_FLOAT", tensor_content=b"1234", sizes=(-1,)), "-1"),
    "a negative size by type": (tensor(dtype="DT_FLOAT", float_val=[1], sizes=(-1, -1)), "-1"),
    "one value for too many": (tensor(dtype="DT_FLOAT", float_val=[1], sizes=(2**40,)), "1 values"),
    "no strings": (tensor(dtype="DT_STRING"), "0 values"),
    "one string for too many": (tensor(dtype="DT_STRING", string_val=[b"a"], sizes=(2**40,)), "1 values"),
    "unknown rank": (pb.TensorProto(dtype="DT_FLOAT", tensor_shape={"unknown_rank": True}), "number of axes"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_tensor_is_told_in_one_line(case: str):
    message, told = BAD[case]
    with pytest.raises(TfServingError, match="tensor 'x'") as caught:
        codec.decode_tensor("x", message)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_has_no_datatype_is_refused():
    with pytest.raises(TfServingError, match="tensor 'x': dtype complex64"):
        codec.encode_request("m", {"x": np.zeros(1, np.complex64)})


def test_status_and_metadata_are_read_as_they_were_written():
    image, count = TensorSpec("image", "float32", ("batch", 2)), TensorSpec("count", "int64", ())
    metadata = ModelMetadata("m", "ours", (image, count), (image,), ("1",))
    for ready in (True, False):
        assert codec.decode_status(codec.encode_status(metadata, ready=ready)) is ready
    assert codec.decode_metadata(codec.encode_metadata(metadata)) == ModelMetadata(
        "m", "", (count, image), (image,), ("1",)
    )
    with pytest.raises(TfServingError, match="no signatures"):
        codec.decode_metadata(pb.GetModelMetadataResponse())
    spoiled = codec.encode_metadata(metadata)
    spoiled.metadata["signature_def"].value = b"\xff"
    with pytest.raises(TfServingError, match="cannot be read"):
        codec.decode_metadata(spoiled)
