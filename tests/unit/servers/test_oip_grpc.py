"""The protocol over gRPC: raw and typed contents, and what is refused."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tritonclient.grpc import service_pb2 as pb

from models import TensorSpec
from servers.oip.errors import OipError
from servers.oip.grpc import (
    decode_metadata,
    decode_request,
    decode_response,
    encode_metadata,
    encode_request,
    encode_response,
)
from servers.oip.metadata import ModelMetadata
from tests.unit.servers.tensor_strategies import same, survives, tensors


@given(tensors(), st.text(max_size=8))
def test_a_request_round_trips_in_raw_contents(inputs: dict[str, np.ndarray], id: str) -> None:
    sent = encode_request("m", inputs, id=id, outputs=("a", "b")).SerializeToString()
    message = pb.ModelInferRequest.FromString(sent)
    assert len(message.raw_input_contents) == len(inputs)
    request = decode_request(message)
    same(request.inputs, inputs)
    assert (message.model_name, request.id, tuple(request.outputs)) == ("m", id, ("a", "b"))


@given(tensors())
def test_a_request_round_trips_in_typed_contents(inputs: dict[str, np.ndarray]) -> None:
    inputs = {name: array for name, array in inputs.items() if array.dtype != np.float16}
    message = pb.ModelInferRequest.FromString(encode_request("m", inputs, raw=False).SerializeToString())
    assert not message.raw_input_contents
    same(decode_request(message).inputs, inputs)


@given(tensors())
def test_a_response_round_trips(outputs: dict[str, np.ndarray]) -> None:
    message = pb.ModelInferResponse.FromString(encode_response("m", outputs, version="3", id="a").SerializeToString())
    response = decode_response(message)
    same(response.outputs, outputs)
    assert (response.model, response.version, response.id) == ("m", "3", "a")
    for array in response.outputs.values():
        assert array.flags.writeable


def test_half_precision_has_no_typed_contents() -> None:
    half = {"x": np.zeros(1, dtype=np.float16)}
    with pytest.raises(OipError, match="FP16 has no typed contents"):
        encode_request("m", half, raw=False)
    message = encode_request("m", half)
    del message.raw_input_contents[:]
    with pytest.raises(OipError, match="FP16 has no typed contents"):
        decode_request(message)


def _request(**changes: Any) -> pb.ModelInferRequest:
    message = pb.ModelInferRequest(model_name="m")
    tensor = {"name": "x", "datatype": "INT8", "shape": [2], "contents": pb.InferTensorContents(int_contents=[1, 2])}
    message.inputs.add(**(tensor | changes))
    return message


BAD_TENSORS = {
    "too few values": {"shape": [3]},
    "a negative size": {"shape": [-2]},
    "out of range": {"contents": pb.InferTensorContents(int_contents=[1, 300])},
    "the wrong field": {"contents": pb.InferTensorContents(fp32_contents=[1, 2])},
    "two fields": {"contents": pb.InferTensorContents(int_contents=[1, 2], fp32_contents=[1, 2])},
    "no contents": {"contents": None},
    "an unknown datatype": {"datatype": "BF16"},
    "an absurd empty shape": {"shape": [0, 2**62, 2**62], "contents": None},
}


@pytest.mark.parametrize("changes", BAD_TENSORS.values(), ids=BAD_TENSORS)
def test_a_bad_tensor_is_refused(changes: dict[str, Any]) -> None:
    assert decode_request(_request()).inputs["x"].tolist() == [1, 2]
    with pytest.raises(OipError):
        decode_request(_request(**changes))


def test_raw_contents_must_fit_the_tensors() -> None:
    fits = encode_request("m", {"x": np.zeros(2, np.float32), "y": np.zeros(3, np.int64)})
    decode_request(fits)
    for damage in (
        lambda m: m.raw_input_contents.pop(),
        lambda m: m.raw_input_contents.append(b""),
        lambda m: m.raw_input_contents.insert(0, m.raw_input_contents.pop()),
        lambda m: m.inputs[0].contents.fp32_contents.append(1.0),
        lambda m: setattr(m.inputs[1], "name", "x"),
        lambda m: m.outputs.extend([pb.ModelInferRequest.InferRequestedOutputTensor(name="a")] * 2),
        lambda m: m.outputs.add(name="a").parameters["classification"].CopyFrom(pb.InferParameter(int64_param=3)),
    ):
        message = pb.ModelInferRequest()
        message.CopyFrom(fits)
        damage(message)
        with pytest.raises(OipError):
            decode_request(message)


@given(tensors(), st.data())
def test_a_damaged_message_is_read_or_refused(inputs: dict[str, np.ndarray], data: st.DataObject) -> None:
    message = encode_request("m", inputs)
    if inputs:
        index = data.draw(st.integers(0, len(inputs) - 1))
        message.raw_input_contents[index] = data.draw(st.binary(max_size=40))
        tensor = message.inputs[data.draw(st.integers(0, len(inputs) - 1))]
        tensor.shape.append(data.draw(st.integers(-(2**63), 2**63 - 1)))
        tensor.datatype = data.draw(st.sampled_from([tensor.datatype, "FP32", "BYTES", "BOOL", "", "X"]))
    survives(decode_request, message)


def test_metadata_round_trips_up_to_the_names_of_axes() -> None:
    metadata = ModelMetadata(
        "bert",
        "onnx_onnxv1",
        (TensorSpec("ids", "int64", ("batch", "length")), TensorSpec("text", "object", ("batch",))),
        (TensorSpec("scores", "float32", ("batch", 2)),),
        ("1",),
    )
    message = encode_metadata(metadata)
    assert list(message.inputs[0].shape) == [-1, -1]
    read = decode_metadata(message)
    assert read.inputs == (TensorSpec("ids", "int64", ("batch", "axis1")), TensorSpec("text", "object", ("batch",)))
    assert (read.name, read.platform, read.outputs, read.versions) == (
        "bert",
        "onnx_onnxv1",
        metadata.outputs,
        ("1",),
    )
