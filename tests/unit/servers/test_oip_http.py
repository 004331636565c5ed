"""The protocol over HTTP: what one side writes the other one reads, and nothing but OipError comes of the rest."""

import string
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from servers.oip.errors import OipError
from servers.oip.http import (
    HttpMessage,
    decode_request,
    decode_response,
    encode_request,
    encode_response,
    parse_json_size,
)
from tests.unit.servers.tensor_strategies import same, survives, tensors

IMAGE = {"image": np.arange(6, dtype=np.float32).reshape(2, 3)}


@given(tensors(), st.text(max_size=8))
def test_a_binary_request_round_trips(inputs: dict[str, np.ndarray], id: str) -> None:
    message = encode_request(inputs, id=id)
    request = decode_request(message.body, message.json_size)
    same(request.inputs, inputs)
    assert request.id == id
    assert request.binary("any")


@given(tensors(finite=True, text=True))
def test_a_json_request_round_trips(inputs: dict[str, np.ndarray]) -> None:
    message = encode_request(inputs, binary=False)
    assert message.json_size is None
    request = decode_request(message.body, None)
    same(request.inputs, inputs)
    assert not request.binary("any")


@given(tensors(finite=True, text=True), st.data())
def test_a_response_round_trips_with_some_outputs_binary(outputs: dict[str, np.ndarray], data: st.DataObject) -> None:
    binary = data.draw(st.sets(st.sampled_from(sorted(outputs)))) if outputs else set()
    message = encode_response("m", outputs, binary=binary.__contains__, version="7", id="a")
    response = decode_response(message.body, message.json_size)
    same(response.outputs, outputs)
    assert (response.model, response.version, response.id) == ("m", "7", "a")


@given(tensors())
def test_decoded_arrays_can_be_computed_on_in_place(inputs: dict[str, np.ndarray]) -> None:
    message = encode_request(inputs)
    for array in decode_request(message.body, message.json_size).inputs.values():
        assert array.flags.writeable
        assert array.flags.aligned
        assert array.flags.c_contiguous


def test_arrays_that_are_not_contiguous_are_written_in_row_major_order() -> None:
    array = np.arange(12, dtype=np.int32).reshape(3, 4).T
    for binary in (True, False):
        message = encode_request({"x": array}, binary=binary)
        np.testing.assert_array_equal(decode_request(message.body, message.json_size).inputs["x"], array)


def test_nested_data_is_read_as_flat_data_is() -> None:
    def request(data: object) -> bytes:
        tensor = {"name": "x", "datatype": "INT32", "shape": [2, 3], "data": data}
        return orjson.dumps({"inputs": [tensor]})

    flat = decode_request(request([1, 2, 3, 4, 5, 6]), None).inputs["x"]
    nested = decode_request(request([[1, 2, 3], [4, 5, 6]]), None).inputs["x"]
    np.testing.assert_array_equal(flat, nested)
    assert flat.dtype == np.int32


def test_integers_of_64_bits_stay_exact_in_json() -> None:
    array = np.array([2**64 - 1, 0, 2**63 + 1], dtype=np.uint64)
    message = encode_request({"x": array}, binary=False)
    assert decode_request(message.body, None).inputs["x"].tolist() == array.tolist()


def test_outputs_say_themselves_whether_they_are_wanted_as_binary_data() -> None:
    header = {
        "inputs": [],
        "parameters": {"binary_data_output": True},
        "outputs": [{"name": "a"}, {"name": "b", "parameters": {"binary_data": False}}],
    }
    request = decode_request(orjson.dumps(header), None)
    assert request.outputs == {"a": True, "b": False}


def test_values_that_json_cannot_hold_are_refused_by_name() -> None:
    for array in (np.array([np.nan]), np.array([b"\xff"], dtype=object)):
        with pytest.raises(OipError, match=r"'x'.*ask for binary data"):
            encode_response("m", {"x": array}, binary=lambda _: False)


def test_a_dtype_outside_the_protocol_is_refused() -> None:
    with pytest.raises(OipError, match="complex64"):
        encode_request({"x": np.zeros(1, dtype=np.complex64)})


def _tensor(**changes: object) -> dict[str, Any]:
    return {"name": "x", "datatype": "FP32", "shape": [2], "data": [1.0, 2.0]} | changes


BAD_TENSORS = {
    "no list": {"data": 3},
    "too few values": {"data": [1.0]},
    "another nesting": {"data": [[1.0], [2.0]]},
    "ragged": {"shape": [2, 2], "data": [[1.0], [2.0, 3.0]]},
    "text in numbers": {"data": ["1", "2"]},
    "null in numbers": {"data": [None, 1.0]},
    "an object in numbers": {"data": [{}, 1.0]},
    "a fraction in integers": {"datatype": "INT32", "data": [1.5, 2.0]},
    "out of range": {"datatype": "UINT8", "data": [256, 0]},
    "negative in unsigned": {"datatype": "UINT64", "data": [-1, 0]},
    "too large for a float": {"datatype": "FP16", "data": [1e6, 0.0]},
    "numbers in BOOL": {"datatype": "BOOL", "data": [1, 0]},
    "numbers in BYTES": {"datatype": "BYTES", "data": [1, 2]},
    "an unknown datatype": {"datatype": "BF16"},
    "a datatype that is no text": {"datatype": ["FP32"]},
    "no shape": {"shape": None},
    "a shape of text": {"shape": "2"},
    "a negative size": {"shape": [-2]},
    "a size that is no integer": {"shape": [2.0]},
    "a size that is a bool": {"shape": [True, 2]},
    "too many axes": {"shape": [1] * 64 + [2]},
    "an absurd empty shape": {"shape": [0, 10**18, 10**18], "data": []},
    "no name": {"name": None},
    "no data": {"data": None},
    "bad parameters": {"parameters": 1},
    "a negative binary size": {"parameters": {"binary_data_size": -1}},
    "a binary size that is no integer": {"parameters": {"binary_data_size": "8"}},
    "binary data that is not there": {"parameters": {"binary_data_size": 8}},
}


@pytest.mark.parametrize("changes", BAD_TENSORS.values(), ids=BAD_TENSORS)
def test_a_bad_tensor_is_refused(changes: dict[str, object]) -> None:
    decode_request(orjson.dumps({"inputs": [_tensor()]}), None)
    with pytest.raises(OipError):
        decode_request(orjson.dumps({"inputs": [_tensor(**changes)]}), None)


BAD_BODIES = {
    "empty": b"",
    "no JSON": b"hello",
    "no object": b"[]",
    "no inputs": b"{}",
    "inputs that are no list": b'{"inputs": {}}',
    "inputs that are no objects": b'{"inputs": [1]}',
    "two of a name": orjson.dumps({"inputs": [_tensor(), _tensor()]}),
    "an id that is no text": b'{"inputs": [], "id": 7}',
    "outputs without a name": b'{"inputs": [], "outputs": [{}]}',
    "an output twice": b'{"inputs": [], "outputs": [{"name": "a"}, {"name": "a"}]}',
    "classification": b'{"inputs": [], "outputs": [{"name": "a", "parameters": {"classification": 3}}]}',
    "a flag that is none": b'{"inputs": [], "parameters": {"binary_data_output": 1}}',
    "nested beyond measure": b'{"inputs": [{"name": "x", "datatype": "FP32", "shape": [1], "data": '
    + b"[" * 900
    + b"]" * 900
    + b"}]}",
}


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES)
def test_a_bad_body_is_refused(body: bytes) -> None:
    with pytest.raises(OipError):
        decode_request(body, None)


def test_binary_data_must_be_what_shape_and_datatype_take() -> None:
    message = encode_request(IMAGE)
    assert message.json_size is not None
    for body, size in (
        (message.body[:-1], message.json_size),
        (message.body + b"\0", message.json_size),
        (message.body, message.json_size + 1),
        (message.body, len(message.body) + 1),
        (message.body, None),
        (message.body, 0),
    ):
        with pytest.raises(OipError):
            decode_request(body, size)
    shorter = message.body.replace(b'"shape":[2,3]', b'"shape":[2,2]')
    with pytest.raises(OipError, match=r"'image' has 24 bytes of data, but FP32 of shape \[2, 2\] takes 16"):
        decode_request(shorter, message.json_size)


@pytest.mark.parametrize("data", [b"\x01\0\0", b"\x05\0\0\0abc", b"\x01\0\0\0a\x01\0\0\0b"])
def test_cut_off_or_surplus_elements_of_bytes_are_refused(data: bytes) -> None:
    entry = _tensor(datatype="BYTES", shape=[1], parameters={"binary_data_size": len(data)})
    header = orjson.dumps({"inputs": [entry]})
    with pytest.raises(OipError, match="tensor 'x'"):
        decode_request(header + data, len(header))


@pytest.mark.parametrize("header", ["", "-1", "1e3", "1_0", "٣", "9" * 30, "abc", " 5"])
def test_a_header_length_that_is_no_number_is_refused(header: str) -> None:
    assert parse_json_size("12") == 12
    assert parse_json_size(None) is None
    with pytest.raises(OipError, match="Inference-Header-Content-Length"):
        parse_json_size(header)


@given(st.binary(max_size=200), st.none() | st.integers(0, 250))
def test_any_bytes_are_read_or_refused(body: bytes, size: int | None) -> None:
    survives(decode_request, body, size)
    survives(decode_response, body, size)


@given(tensors(), st.data())
def test_a_damaged_message_is_read_or_refused(inputs: dict[str, np.ndarray], data: st.DataObject) -> None:
    message = encode_request(inputs)
    body = bytearray(message.body)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(body) - 1))
        body[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    size = data.draw(st.none() | st.integers(0, len(body)) | st.just(message.json_size))
    survives(decode_request, bytes(body), size)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(string.printable, max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=12,
)
FIELDS = ("name", "datatype", "shape", "data", "parameters")


@given(
    st.dictionaries(st.sampled_from(FIELDS), JSON),
    st.dictionaries(st.sampled_from(["id", "inputs", "outputs", "parameters", "model_name"]), JSON),
    st.sampled_from(["FP32", "FP16", "INT8", "UINT64", "INT64", "BOOL", "BYTES"]),
)
def test_any_json_in_any_field_is_read_or_refused(
    tensor: dict[str, Any], message: dict[str, Any], datatype: str
) -> None:
    entry = _tensor(datatype=datatype) | tensor
    for key, decode in (("inputs", decode_request), ("outputs", decode_response)):
        survives(decode, orjson.dumps({key: [entry]} | message), None)


def test_headers_describe_the_body() -> None:
    assert HttpMessage(b"{}").headers == {"Content-Type": "application/json"}
    message = encode_request(IMAGE)
    assert message.headers["Inference-Header-Content-Length"] == str(message.json_size)
    assert orjson.loads(message.body[: message.json_size])["inputs"][0]["name"] == "image"
