"""Triton's model configuration: as it is told, and as the client reads it from servers of any kind."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import TensorSpec
from servers import EndpointError, connect
from servers.oip import grpc as codec
from servers.oip.config import ModelConfig, decode_parameters, encode_config
from servers.oip.errors import OipError
from servers.oip.metadata import ModelMetadata
from tests.unit.servers.test_client import _http, answering

METADATA = ModelMetadata(
    "m",
    "onnx_onnxv1",
    (TensorSpec("ids", "int64", ("batch", "length")), TensorSpec("text", "object", ("batch",))),
    (TensorSpec("scores", "float32", ("batch", 10)),),
)


def _config(max_batch: int = 8, max_delay_us: int = 500, /, **parameters: str) -> ModelConfig:
    return ModelConfig(METADATA, 2, "KIND_CPU", max_batch, max_delay_us, parameters)


def _told(config: ModelConfig) -> dict[str, Any]:
    told: dict[str, Any] = orjson.loads(encode_config(config))
    return told


def test_with_batching_the_batch_axis_is_left_out() -> None:
    told = _told(_config())
    assert told["max_batch_size"] == 8
    assert told["dynamic_batching"] == {"max_queue_delay_microseconds": 500}
    assert told["input"] == [
        {"name": "ids", "data_type": "TYPE_INT64", "dims": [-1]},
        {"name": "text", "data_type": "TYPE_STRING", "dims": []},
    ]
    assert told["output"] == [{"name": "scores", "data_type": "TYPE_FP32", "dims": [10]}]
    assert told["instance_group"] == [{"name": "m", "kind": "KIND_CPU", "count": 2}]


def test_without_batching_the_shapes_are_whole() -> None:
    told = _told(_config(0, 0))
    assert told["max_batch_size"] == 0
    assert "dynamic_batching" not in told
    assert told["output"][0]["dims"] == [-1, 10]


def test_both_protocols_tell_the_same() -> None:
    message = codec.encode_config(_config(format="onnx")).config
    assert (message.name, message.platform, message.max_batch_size) == ("m", "onnx_onnxv1", 8)
    assert message.dynamic_batching.max_queue_delay_microseconds == 500
    assert message.instance_group[0].count == 2
    assert list(message.output[0].dims) == [10]
    assert message.parameters["format"].string_value == "onnx"


@given(st.dictionaries(st.text(), st.text()))
def test_parameters_are_read_as_they_were_told(parameters: dict[str, str]) -> None:
    config = _config(**parameters)
    assert decode_parameters(encode_config(config)) == parameters
    assert codec.decode_parameters(codec.encode_config(config)) == parameters


@pytest.mark.parametrize("body", [b"", b"[]", b'{"parameters": 1}', b'{"parameters": {"a": "b"}}'])
def test_what_is_no_configuration_is_told(body: bytes) -> None:
    with pytest.raises(OipError):
        decode_parameters(body)


@pytest.mark.parametrize(
    ("answer", "parameters"),
    [
        (_http('{"parameters": {"a": {"string_value": "b"}}}'), {"a": "b"}),
        (_http("{}"), {}),
        (_http("not here", "404 Not Found"), {}),
        (_http("", "405 Method Not Allowed"), {}),
    ],
)
def test_over_http_a_server_without_the_extension_has_no_parameters(answer: bytes, parameters: dict[str, str]) -> None:
    with answering(answer) as port, connect(f"http://127.0.0.1:{port}", timeout_s=10) as client:
        assert client.config("m") == parameters


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (_http('{"error": "loading"}', "503 Service Unavailable"), "HTTP 503: loading"),
        (_http("[]"), "configuration of 'm': the body is not a JSON object"),
        (b"", "the connection was lost"),
    ],
)
def test_over_http_a_failure_is_not_taken_for_no_parameters(answer: bytes, line: str) -> None:
    with (
        answering(answer) as port,
        connect(f"http://127.0.0.1:{port}", timeout_s=10) as client,
        pytest.raises(EndpointError, match=line),
    ):
        client.config("m")


@contextmanager
def _without_services() -> Iterator[int]:
    server = grpc.server(ThreadPoolExecutor(1))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield port
    finally:
        server.stop(0).wait()


def test_over_grpc_a_server_without_the_extension_has_no_parameters() -> None:
    with _without_services() as port, connect(f"grpc://127.0.0.1:{port}", timeout_s=10) as client:
        assert client.config("m") == {}
        with pytest.raises(EndpointError, match="UNIMPLEMENTED"):
            client.metadata("m")
    with (
        connect(f"grpc://127.0.0.1:{port}", timeout_s=10) as client,
        pytest.raises(EndpointError, match="cannot connect"),
    ):
        client.config("m")
