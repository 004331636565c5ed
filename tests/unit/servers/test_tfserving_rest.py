"""TensorFlow Serving's REST API as text: what is written is read back, and what is none is told in one line."""

import json
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as stnp

from loadtest.protocols.untyped import Untyped
from models import TensorSpec
from servers import ModelMetadata
from servers.tfserving_api import rest
from servers.tfserving_api.errors import TfServingError
from servers.tfserving_api.model import decode_metadata, decode_status, encode_metadata, encode_status
from tests.unit.servers.tensor_strategies import arrays

WITHOUT_JSON = (np.dtype(np.float16), np.dtype(np.uint16))
IMAGE = TensorSpec("image", "float32", ("batch", 2))
COUNT = TensorSpec("count", "int64", ("batch",))
TEXT = TensorSpec("text_bytes", "object", ("batch",))


def same(left: dict[str, np.ndarray], right: dict[str, np.ndarray]) -> None:
    """Assert that names, order, dtypes, shapes and values are the same; text has but one NaN."""
    assert list(left) == list(right)
    for name, array in left.items():
        other = right[name]
        assert (array.dtype, array.shape) == (other.dtype, other.shape)
        assert np.array_equal(array, other, equal_nan=array.dtype.kind == "f")


def spec(name: str, array: np.ndarray) -> TensorSpec:
    return TensorSpec(name, str(array.dtype), array.shape)


def json_arrays(**limits: bool) -> st.SearchStrategy[np.ndarray]:
    """JSON has no shape: the lengths behind one of zero are not in it."""
    return arrays(**limits).filter(lambda array: array.dtype not in WITHOUT_JSON and 0 not in array.shape[:-1])


NAMED = st.dictionaries(st.text(max_size=8), json_arrays(), min_size=1, max_size=4)


@given(NAMED)
def test_a_request_is_read_as_it_was_written(inputs: dict[str, np.ndarray]):
    asked = rest.decode_request(rest.encode_request(inputs), [spec(*each) for each in inputs.items()])
    same(asked.inputs, inputs)
    assert not asked.rows


@given(st.dictionaries(st.text(max_size=8), json_arrays(text=True), min_size=1, max_size=4))
def test_an_answer_is_read_as_it_was_written(outputs: dict[str, np.ndarray]):
    body = rest.encode_response(outputs, rows=False)
    same(rest.decode_response(body, [spec(*each) for each in outputs.items()]), outputs)
    same(Untyped(rest.read_response(body)).like(outputs), outputs)


@given(st.lists(st.floats(width=32), min_size=1))
def test_every_float_survives_with_nan_and_infinity(values: list[float]):
    array = np.array(values, np.float32)
    body = rest.encode_response({"y": array}, rows=False)
    same(rest.decode_response(body, [spec("y", array)]), {"y": array})
    finite = bool(np.isfinite(array).all())
    assert finite == (b"NaN" not in body and b"Infinity" not in body)
    assert len(json.loads(body)["outputs"]) == len(values), "Python's own module reads it too"


IMAGES = st.integers(1, 3).flatmap(
    lambda count: stnp.arrays(np.float32, (count, 2), elements=st.floats(width=32, allow_nan=False))
)


@given(IMAGES)
def test_rows_are_the_columns_turned(images: np.ndarray):
    count = len(images)
    counts = np.arange(count, dtype=np.int64)
    rows = [{"image": image, "count": number} for image, number in zip(images.tolist(), counts.tolist(), strict=True)]
    asked = rest.decode_request(json.dumps({"instances": rows}).encode(), [IMAGE, COUNT])
    assert asked.rows
    same(asked.inputs, {"image": images, "count": counts})
    answer = json.loads(rest.encode_response(asked.inputs, rows=True))
    assert [row["count"] for row in answer["predictions"]] == counts.tolist()
    got = np.array([row["image"] for row in answer["predictions"]], np.float32)
    assert np.array_equal(got, images)


def test_the_documented_forms_are_read():
    only = [IMAGE]
    values = [[1.0, 2.0], [3.5, 4]]
    for message in ({"inputs": values}, {"inputs": {"image": values}, "signature_name": "serving_default"}):
        asked = rest.decode_request(json.dumps(message).encode(), only)
        assert (asked.inputs["image"].tolist(), asked.rows) == ([[1, 2], [3.5, 4]], False)
    asked = rest.decode_request(json.dumps({"instances": values}).encode(), only)
    assert (asked.inputs["image"].tolist(), asked.rows) == ([[1, 2], [3.5, 4]], True)
    for value in ("hi", {"b64": "aGk="}):
        for message in ({"instances": [value]}, {"inputs": [value]}, {"instances": [{"text_bytes": value}]}):
            assert rest.decode_request(json.dumps(message).encode(), [TEXT]).inputs["text_bytes"].tolist() == [b"hi"]


def test_an_only_output_goes_without_its_name_and_bytes_as_base64():
    assert rest.encode_response({"y": np.array([[0.5]], np.float32)}, rows=False) == b'{"outputs":[[0.5]]}'
    assert rest.encode_response({"y": np.array([[0.5]], np.float32)}, rows=True) == b'{"predictions":[[0.5]]}'
    text = np.array([b"\xff"], np.object_)
    assert rest.encode_response({"y_bytes": text}, rows=False) == b'{"outputs":[{"b64":"/w=="}]}'
    with pytest.raises(TfServingError, match="not UTF-8"):
        rest.encode_response({"y": text}, rows=False)
    two = {"y": np.array([1, 2]), "ok": np.array([True, False])}
    assert json.loads(rest.encode_response(two, rows=True)) == {
        "predictions": [{"y": 1, "ok": True}, {"y": 2, "ok": False}]
    }


@pytest.mark.parametrize("dtype", WITHOUT_JSON, ids=str)
def test_what_json_cannot_hold_is_told_in_one_line(dtype: np.dtype):
    array = np.zeros(2, dtype)
    for refuse in (
        lambda: rest.encode_request({"x": array}),
        lambda: rest.encode_response({"x": array}, rows=False),
        lambda: rest.decode_request(b'{"inputs": [1, 2]}', [spec("x", array)]),
    ):
        with pytest.raises(TfServingError, match=f"tensor 'x': .*JSON has no {dtype}: use its gRPC API"):
            refuse()


BAD = {
    b"": "not JSON",
    b"[1]": "not a JSON object",
    b'{"inputs": [NaN}': "not JSON",
    b'{"inputs": ' + b"[" * 100_000: "not JSON",
    b'{"inputs": NaN ' + b"[" * 100_000: "not JSON",
    b"{}": "one of 'inputs' and 'instances'",
    b'{"inputs": [], "instances": []}': "one of 'inputs' and 'instances'",
    b'{"instances": []}': "at least one",
    b'{"instances": 3}': "must be a list",
    b'{"instances": [{"image": [1, 2]}, {"image": [1, 2]}]}': "item 0",
    b'{"instances": [{"image": [1, 2], "count": 1}, 5]}': "item 1",
    b'{"inputs": [[1, 2]]}': "without names",
    b'{"inputs": {"image": [[1, 2]]}}': "no tensor 'count'",
    b'{"inputs": {"image": [[1, 2]], "count": [1], "more": 1}}': "'more'",
    b'{"inputs": {"image": [[1, 2], [3]], "count": [1]}}': "rows differ",
    b'{"inputs": {"image": [["a", "b"]], "count": [1]}}': "not all FP32",
    b'{"inputs": {"image": [[1e99, 0]], "count": [1]}}': "out of the range",
    b'{"inputs": {"image": [[1, 2]], "count": [1.5]}}': "not all INT64",
    b'{"inputs": {"image": [[null, 2]], "count": [1]}}': "not all FP32",
    b'{"inputs": {"image": {"b64": "aGk="}, "count": [1]}}': "image",
    b'{"inputs": {}, "signature_name": 5}': "must be a string",
    b'{"inputs": {}, "signature_name": "train"}': "unknown signature 'train'",
}


@pytest.mark.parametrize("body", BAD, ids=lambda body: body[:60].decode())
def test_a_bad_request_is_told_in_one_line(body: bytes):
    with pytest.raises(TfServingError) as caught:
        rest.decode_request(body, [IMAGE, COUNT])
    assert BAD[body] in str(caught.value)
    assert "\n" not in str(caught.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4) | st.just("b64"), inner, max_size=3)
    ),
)


@given(JSON, st.sampled_from(["inputs", "instances", "outputs"]), st.sampled_from([[IMAGE], [IMAGE, COUNT], [TEXT]]))
def test_any_json_is_read_or_refused_in_one_line(value: object, key: str, specs: list[TensorSpec]):
    body = json.dumps({key: value}).encode()
    survives(rest.decode_request, body, specs)
    survives(rest.decode_response, body, specs)
    survives(rest.read_response, body)


def survives(read: Callable[..., object], *arguments: object) -> None:
    line = ""
    try:
        read(*arguments)
    except TfServingError as error:
        line = str(error)
    assert "\n" not in line


@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_refused(body: bytes):
    for read in (
        lambda: rest.decode_request(body, [IMAGE]),
        lambda: decode_status(body),
        lambda: decode_metadata(body),
    ):
        with pytest.raises(TfServingError):
            read()


def test_status_and_metadata_are_as_documented():
    metadata = ModelMetadata("m", "ours", (IMAGE, COUNT), (IMAGE,), ("1",))
    assert json.loads(encode_status(metadata, ready=False))["model_version_status"] == [
        {"version": "1", "state": "LOADING", "status": {"error_code": "OK", "error_message": ""}}
    ]
    assert decode_status(encode_status(metadata, ready=True))
    assert not decode_status(encode_status(metadata, ready=False))
    assert decode_metadata(encode_metadata(metadata)) == ModelMetadata("m", "", (COUNT, IMAGE), (IMAGE,), ("1",))
    documented = {
        "model_spec": {"name": "mnist", "signature_name": "", "version": "1529432525"},
        "metadata": {
            "signature_def": {
                "signature_def": {
                    "__saved_model_init_op": {"inputs": {}, "outputs": {}, "method_name": "", "defaults": {}},
                    "serving_default": {
                        "inputs": {
                            "image": {
                                "dtype": "DT_FLOAT",
                                "tensor_shape": {
                                    "dim": [{"size": "-1", "name": ""}, {"size": "2", "name": ""}],
                                    "unknown_rank": False,
                                },
                                "name": "serving_default_image:0",
                            }
                        },
                        "outputs": {
                            "y": {
                                "dtype": "DT_INT32",
                                "tensor_shape": {"dim": [], "unknown_rank": False},
                                "name": "StatefulPartitionedCall:0",
                            }
                        },
                        "method_name": "tensorflow/serving/predict",
                        "defaults": {},
                    },
                }
            }
        },
    }
    assert decode_metadata(json.dumps(documented).encode()) == ModelMetadata(
        "mnist", "", (IMAGE,), (TensorSpec("y", "int32", ()),), ("1529432525",)
    )
    signature = documented["metadata"]["signature_def"]["signature_def"]
    for spoil, told in (
        (lambda: signature["serving_default"]["inputs"]["image"].update(dtype="DT_BFLOAT16"), "DT_BFLOAT16"),
        (lambda: signature["serving_default"]["inputs"]["image"].update(tensor_shape={"unknown_rank": True}), "axes"),
        (lambda: signature.pop("serving_default"), "no signature 'serving_default'"),
    ):
        spoil()
        with pytest.raises(TfServingError, match=told):
            decode_metadata(json.dumps(documented).encode())


def test_outputs_without_dtypes_take_those_that_are_expected():
    expected = {"scores": np.array([[0.1]], np.float32)}
    (got,) = Untyped({"": np.array([[0.1]])}).like(expected).values()
    assert got.dtype == np.float32
    assert got == expected["scores"]
    assert Untyped({"other": np.array([1.0])}).like(expected)["other"].dtype == np.float64
    assert Untyped({"n": np.array([300])}).like({"n": np.array([3], np.uint8)})["n"].tolist() == [300], "not wrapped"
