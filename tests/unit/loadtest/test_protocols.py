"""Protocols: found by name and by URL, and what they send and keep is what the codec reads and wrote."""

import json

import numpy as np
import pytest
from hypothesis import assume, given

from loadtest.protocols import PROTOCOLS, protocol_named
from models import TailbedError, UnknownName
from servers.oip import grpc, http
from servers.protocols import CLIENTS
from servers.target import parse_target
from tests.unit.servers.tensor_strategies import same, tensors

INPUTS = {"image": np.arange(6, dtype=np.float32).reshape(1, 6), "text": np.array([[b"a", b"bc"]])}
OUTPUTS = {"scores": np.array([[0.5, np.nan]], np.float32), "label": np.array([3], np.int64)}


@pytest.mark.parametrize("folder", PROTOCOLS.names())
def test_every_protocol_is_found_by_its_name_and_has_a_blocking_client(folder: str):
    protocol = PROTOCOLS.get(folder)
    assert protocol_named(protocol.name) is protocol
    assert folder in CLIENTS.names()


def test_an_unknown_protocol_gets_one_line_with_those_that_there_are():
    with pytest.raises(UnknownName, match=r"choose from .*oip-grpc, oip-grpc-typed, oip-http, oip-http-json"):
        protocol_named("oip-pigeon")


def test_an_http_request_is_whole_and_asks_for_binary_outputs():
    raw = protocol_named("oip-http").encode(
        parse_target("http://[::1]:8000", headers={"X-Tenant": "a b"}), "a model/2", INPUTS
    )
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode("ascii").split("\r\n")
    headers = dict(line.split(": ") for line in lines)
    assert first == "POST /v2/models/a%20model%2F2/infer HTTP/1.1"
    assert headers["Host"] == "[::1]:8000"
    assert headers["x-tenant"] == "a b"
    assert int(headers["Content-Length"]) == len(body)
    request = http.decode_request(body, int(headers[http.JSON_SIZE_HEADER]))
    assert request.binary("scores")
    assert np.array_equal(request.inputs["image"], INPUTS["image"])
    assert request.inputs["text"].tolist() == [[b"a", b"bc"]]


def test_a_grpc_request_is_the_official_message():
    from tritonclient.grpc import service_pb2

    raw = protocol_named("oip-grpc").encode(parse_target("grpc://127.0.0.1:8001"), "m", INPUTS)
    message = service_pb2.ModelInferRequest.FromString(raw)
    assert message.model_name == "m"
    assert np.array_equal(grpc.decode_request(message).inputs["image"], INPUTS["image"])


def test_without_the_extension_an_http_request_is_all_json():
    raw = protocol_named("oip-http-json").encode(parse_target("http://127.0.0.1:8000"), "m", INPUTS)
    head, _, body = raw.partition(b"\r\n\r\n")
    assert b"Content-Type: application/json" in head
    assert http.JSON_SIZE_HEADER.encode() not in head
    entries = {entry["name"]: entry for entry in json.loads(body)["inputs"]}
    assert entries["image"] == {"name": "image", "shape": [1, 6], "datatype": "FP32", "data": [0, 1, 2, 3, 4, 5]}
    assert not http.decode_request(body, None).binary("scores"), "outputs are asked for in JSON too"


def test_typed_contents_are_in_the_official_message():
    from tritonclient.grpc import service_pb2

    raw = protocol_named("oip-grpc-typed").encode(parse_target("grpc://127.0.0.1:8001"), "m", INPUTS)
    message = service_pb2.ModelInferRequest.FromString(raw)
    assert not message.raw_input_contents
    assert list(message.inputs[0].contents.fp32_contents) == [0, 1, 2, 3, 4, 5]
    assert np.array_equal(grpc.decode_request(message).inputs["image"], INPUTS["image"])


@pytest.mark.parametrize("name", ["oip-http-json", "oip-grpc-typed"])
@given(tensors(finite=True, text=True))
def test_any_tensors_that_json_or_typed_contents_hold_arrive_as_they_were(name: str, arrays: dict[str, np.ndarray]):
    protocol = protocol_named(name)
    # Typed contents have no field for 16-bit floats.
    assume(name != "oip-grpc-typed" or not any(array.dtype == np.float16 for array in arrays.values()))
    raw = protocol.encode(parse_target(f"{protocol.scheme}://127.0.0.1:8000"), "m", arrays)
    if protocol.scheme == "http":
        read = http.decode_request(raw.partition(b"\r\n\r\n")[2], None).inputs
    else:
        from tritonclient.grpc import service_pb2

        read = grpc.decode_request(service_pb2.ModelInferRequest.FromString(raw)).inputs
    same(read, arrays)


@pytest.mark.parametrize("chunked", [False, True])
def test_an_http_answer_is_read_from_its_bytes(chunked: bool):
    message = http.encode_response("m", OUTPUTS, binary=lambda _: True)
    head = f"HTTP/1.1 200 OK\r\n{http.JSON_SIZE_HEADER.lower()}: {message.json_size}\r\n"
    if chunked:
        parts = (message.body[:10], message.body[10:], b"")
        body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
        raw = f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() + body
    else:
        raw = f"{head}Content-Length: {len(message.body)}\r\n\r\n".encode() + message.body
    assert_outputs(protocol_named("oip-http").decode(raw))


def test_a_grpc_answer_is_read_from_its_bytes():
    for name, as_raw in (("oip-grpc", True), ("oip-grpc-typed", False), ("oip-grpc-typed", True)):
        answer = grpc.encode_response("m", OUTPUTS, raw=as_raw).SerializeToString()
        assert_outputs(protocol_named(name).decode(answer))


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("oip-http", b""),
        ("oip-http", b"nonsense"),
        ("oip-http", b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{]}"),
        ("oip-grpc", b"nonsense"),
    ],
)
def test_what_is_no_answer_is_told_in_one_line(name: str, raw: bytes):
    with pytest.raises(TailbedError) as caught:
        protocol_named(name).decode(raw)
    assert "\n" not in str(caught.value)


def assert_outputs(found):
    assert found.keys() == OUTPUTS.keys()
    for name, array in OUTPUTS.items():
        assert np.array_equal(found[name], array, equal_nan=array.dtype.kind == "f")
