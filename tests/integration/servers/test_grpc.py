"""The gRPC server, below what the official client can send, and the standard health service."""

from collections.abc import Iterator
from typing import Any

import grpc
import numpy as np
import pytest
import urllib3
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tritonclient.grpc import service_pb2 as pb
from tritonclient.grpc import service_pb2_grpc as pb_grpc

from servers import Deployment, RunningServer, start
from servers.oip.grpc import decode_response, encode_request
from tests.conftest import Exported


@pytest.fixture(scope="module")
def server(digits: Exported, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with start(Deployment(digits["onnx"], "grpc"), folder=tmp_path_factory.mktemp("server")) as running:
        yield running
        assert running.process.poll() is None, "the server died under the tests"
        assert "Traceback" not in running.log.read_text()


@pytest.fixture(scope="module")
def channel(server: RunningServer) -> Iterator[grpc.Channel]:
    options = [("grpc.max_send_message_length", -1)]
    with grpc.insecure_channel(server.endpoint.url.removeprefix("grpc://"), options=options) as channel:
        yield channel


@pytest.fixture
def images(digits: Exported) -> np.ndarray:
    return digits["onnx"].answers().inputs["image"][:2]


def _infer(channel: grpc.Channel, request: Any) -> Any:
    return pb_grpc.GRPCInferenceServiceStub(channel).ModelInfer(request, timeout=30)


def test_typed_contents_are_answered_as_raw_ones_are(channel: grpc.Channel, images: np.ndarray) -> None:
    raw = decode_response(_infer(channel, encode_request("digits", {"image": images}, id="a")))
    typed = decode_response(_infer(channel, encode_request("digits", {"image": images}, raw=False)))
    np.testing.assert_array_equal(raw.outputs["scores"], typed.outputs["scores"])
    assert (raw.model, raw.version, raw.id) == ("digits", "1", "a")


@pytest.mark.parametrize(
    ("sent", "status", "line"),
    [
        (b"\xff\xff\xff", "INVALID_ARGUMENT", "the message is no ModelInferRequest"),
        (b"", "NOT_FOUND", "unknown model ''"),
        (b"\0" * (64 * 2**20 + 1), "RESOURCE_EXHAUSTED", "larger than max"),
        (
            pb.ModelInferRequest(
                model_name="digits", inputs=[{"name": "n" * 50_000, "datatype": "?"}]
            ).SerializeToString(),
            "INVALID_ARGUMENT",
            "nnn",
        ),
    ],
    ids=["garbage", "empty", "too large", "a name too long for an error's header"],
)
def test_a_bad_message_is_told_what_is_wrong_and_the_server_goes_on(
    channel: grpc.Channel, images: np.ndarray, sent: bytes, status: str, line: str
) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        channel.unary_unary("/inference.GRPCInferenceService/ModelInfer")(sent, timeout=30)
    assert refused.value.code().name == status
    assert line in refused.value.details()
    _infer(channel, encode_request("digits", {"image": images}))


def test_what_the_protocol_does_not_have_is_unimplemented(channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        pb_grpc.GRPCInferenceServiceStub(channel).RepositoryIndex(pb.RepositoryIndexRequest(), timeout=30)
    assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize("name", ["", "inference.GRPCInferenceService"])
def test_the_standard_health_service_says_that_it_serves(channel: grpc.Channel, name: str) -> None:
    health = health_pb2_grpc.HealthStub(channel)
    answer = health.Check(health_pb2.HealthCheckRequest(service=name), timeout=30)
    assert answer.status == health_pb2.HealthCheckResponse.SERVING
    with pytest.raises(grpc.RpcError) as refused:
        health.Check(health_pb2.HealthCheckRequest(service="nothing"), timeout=30)
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND


def test_metrics_have_a_port_of_their_own(server: RunningServer) -> None:
    assert server.endpoint.metrics_url is not None
    assert server.endpoint.metrics_url.startswith("http://127.0.0.1:")
    response = urllib3.request("GET", server.endpoint.metrics_url)
    assert response.status == 200
    assert 'tailbed_requests_total{model="digits"}' in response.data.decode()


def test_a_call_that_the_client_cancels_does_no_harm(channel: grpc.Channel, images: np.ndarray) -> None:
    stub = pb_grpc.GRPCInferenceServiceStub(channel)
    request = encode_request("digits", {"image": images})
    for call in [stub.ModelInfer.future(request, timeout=30) for _ in range(50)]:
        call.cancel()
    _infer(channel, request)
