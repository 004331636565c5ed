"""The FastAPI server, below what the official client can send."""

import json
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import numpy as np
import orjson
import pytest
import urllib3

from servers import Deployment, RunningServer, start
from servers.oip.http import decode_response, encode_request
from tests.conftest import Exported

INFER = "/v2/models/digits/infer"


@pytest.fixture(scope="module")
def server(digits: Exported, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with start(Deployment(digits["onnx"], "fastapi"), folder=tmp_path_factory.mktemp("server")) as running:
        yield running
        assert running.process.poll() is None, "the server died under the tests"
        assert "Traceback" not in running.log.read_text()


@pytest.fixture
def images(digits: Exported) -> np.ndarray:
    return digits["onnx"].answers().inputs["image"][:2]


def _post(
    server: RunningServer, path: str = INFER, *, method: str = "POST", **content: object
) -> urllib3.BaseHTTPResponse:
    return urllib3.request(method, server.endpoint.url + path, retries=False, **content)  # type: ignore[arg-type]


def _assert_goes_on(server: RunningServer, images: np.ndarray) -> None:
    message = encode_request({"image": images})
    response = _post(server, body=message.body, headers=message.headers)
    assert response.status == 200


def test_json_is_answered_in_json(server: RunningServer, images: np.ndarray) -> None:
    tensor = {"name": "image", "datatype": "FP32", "shape": list(images.shape), "data": images.tolist()}
    response = _post(server, json={"inputs": [tensor], "id": "a"})
    answer = response.json()
    assert response.headers["Content-Type"] == "application/json"
    assert (answer["model_name"], answer["model_version"], answer["id"]) == ("digits", "1", "a")
    binary = encode_request({"image": images})
    raw = _post(server, body=binary.body, headers=binary.headers)
    size = int(raw.headers["Inference-Header-Content-Length"])
    scores = decode_response(raw.data, size).outputs["scores"]
    np.testing.assert_array_equal(np.array(answer["outputs"][0]["data"], np.float32).reshape(2, 10), scores)


def test_a_json_request_can_ask_for_a_binary_answer_and_the_other_way_round(
    server: RunningServer, images: np.ndarray
) -> None:
    tensor = {"name": "image", "datatype": "FP32", "shape": [2, 1, 8, 8], "data": images.ravel().tolist()}
    wanted = [{"name": "scores", "parameters": {"binary_data": True}}]
    response = _post(server, json={"inputs": [tensor], "outputs": wanted})
    assert response.headers["Content-Type"] == "application/octet-stream"
    size = int(response.headers["Inference-Header-Content-Length"])
    assert decode_response(response.data, size).outputs["scores"].shape == (2, 10)

    header = orjson.dumps({"inputs": [tensor | {"parameters": {"binary_data_size": images.nbytes}}]})
    response = _post(
        server, body=header + images.tobytes(), headers={"Inference-Header-Content-Length": str(len(header))}
    )
    assert len(response.json()["outputs"][0]["data"]) == 20


def test_a_body_in_chunks_is_read(server: RunningServer, images: np.ndarray) -> None:
    message = encode_request({"image": images})
    parts = iter([message.body[:50], message.body[50:51], message.body[51:]])
    assert _post(server, body=parts, headers=message.headers).status == 200


BAD = {
    "empty": (b"", {}, 400, "not JSON"),
    "garbage": (b"\x00\xff\xfe", {}, 400, "not JSON"),
    "no inputs": (b"{}", {}, 400, "'inputs' must be a list"),
    "a huge header length": (b"{}", {"Inference-Header-Content-Length": "9" * 40}, 400, "expected a number of bytes"),
    "a header length beyond the body": (b"{}", {"Inference-Header-Content-Length": "3"}, 400, "has only 2 bytes"),
    "a negative header length": (b"{}", {"Inference-Header-Content-Length": "-1"}, 400, "expected a number of bytes"),
    "compressed": (b"{}", {"Content-Encoding": "gzip"}, 415, "Content-Encoding 'gzip' is not supported"),
    "too large": (b" " * (64 * 2**20 + 1), {}, 413, "larger than 67108864 bytes"),
}


@pytest.mark.parametrize(("body", "headers", "status", "line"), BAD.values(), ids=BAD)
def test_a_bad_request_is_told_what_is_wrong_and_the_server_goes_on(
    server: RunningServer, images: np.ndarray, body: bytes, headers: dict[str, str], status: int, line: str
) -> None:
    response = _post(server, body=body, headers=headers)
    assert response.status == status
    assert line in response.json()["error"]
    _assert_goes_on(server, images)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", INFER, 405),
        ("POST", "/v2/models/digits/versions/2/infer", 404),
        ("GET", "/v2/models/cats", 404),
        ("GET", "/v2/models/cats/ready", 404),
        ("GET", "/nothing", 404),
        ("GET", "/docs", 404),
    ],
)
def test_what_is_not_there_is_an_error_of_the_protocol(
    server: RunningServer, method: str, path: str, status: int
) -> None:
    response = _post(server, path, method=method)
    assert response.status == status
    assert response.json()["error"]


def test_the_server_says_what_it_is(server: RunningServer) -> None:
    told = _post(server, "/v2", method="GET").json()
    assert told["name"] == "tailbed-fastapi"
    assert told["extensions"] == ["binary_tensor_data", "model_configuration"]
    for path in (
        "/v2/health/live",
        "/v2/health/ready",
        "/v2/models/digits/ready",
        "/v2/models/digits/versions/1/ready",
    ):
        assert _post(server, path, method="GET").status == 200


@pytest.mark.parametrize(
    "sent",
    [
        b"\x00\x01garbage\r\n\r\n",
        f"POST {INFER} HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n{{".encode(),
        f"POST {INFER} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n".encode(),
        b"",
    ],
)
def test_a_client_that_goes_away_halfway_does_no_harm(server: RunningServer, images: np.ndarray, sent: bytes) -> None:
    parts = urlsplit(server.endpoint.url)
    with socket.create_connection((str(parts.hostname), parts.port or 0), timeout=10) as connection:
        connection.sendall(sent)
    _assert_goes_on(server, images)


def test_an_idle_connection_stays_open(server: RunningServer) -> None:
    """Its end would be a failed request to a client that sends at that moment; uvicorn's own limit is 5 seconds."""
    parts = urlsplit(server.endpoint.url)
    with socket.create_connection((str(parts.hostname), parts.port or 0), timeout=10) as connection:
        request = b"GET /v2/health/live HTTP/1.1\r\nHost: a\r\n\r\n"
        connection.sendall(request)
        assert connection.recv(4096).startswith(b"HTTP/1.1 200")
        connection.settimeout(6)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        connection.settimeout(10)
        connection.sendall(request)
        assert connection.recv(4096).startswith(b"HTTP/1.1 200")


def test_answers_are_the_same_for_json_in_any_order_of_fields(server: RunningServer, images: np.ndarray) -> None:
    tensor = {"data": images.ravel().tolist(), "shape": [2, 1, 8, 8], "datatype": "FP32", "name": "image"}
    body = json.dumps({"parameters": {"priority": 1}, "inputs": [tensor]}).encode()
    assert len(_post(server, body=body).json()["outputs"][0]["data"]) == 20
