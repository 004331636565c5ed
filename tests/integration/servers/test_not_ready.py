"""A model that is still being loaded, or whose runtime fails, in both of our servers; the runtime is a fake."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import orjson
import pytest
from fastapi import FastAPI
from tritonclient.grpc import service_pb2 as pb
from tritonclient.grpc import service_pb2_grpc as pb_grpc

from exporters import ArtifactError
from models import Tensors
from servers import ServerError, Settings
from servers.fastapi.app import create_app
from servers.grpc.service import service
from servers.inference import loading, served
from servers.inference.served import ServedModel
from servers.oip.grpc import decode_response, encode_request
from servers.oip.http import encode_request as encode_http_request
from tests.conftest import Exported

Compute = Callable[[Tensors], dict[str, np.ndarray]]
IMAGE = {"image": np.ones((1, 1, 8, 8), np.float32)}


class FakeRuntime:
    name = "fake"
    platform = "fake"
    facts: Mapping[str, str] = {}

    def __init__(self, compute: Compute) -> None:
        self.run = compute

    def load(self, *_: object, **__: object) -> "FakeRuntime":
        return self


@pytest.fixture
def model(digits: Exported, monkeypatch: pytest.MonkeyPatch) -> Callable[[Compute], ServedModel]:
    def make(compute: Compute) -> ServedModel:
        for module in (served, loading):
            monkeypatch.setattr(module, "runtime_for", lambda _: FakeRuntime(compute))
        return ServedModel(digits["onnx"].folder, Settings())

    return make


def _fails_on_ones(inputs: Tensors) -> dict[str, np.ndarray]:
    if inputs["image"].any():
        raise RuntimeError("out of luck\nand of memory")
    return {"scores": np.zeros((len(inputs["image"]), 10), np.float32)}


def _ready() -> None:
    """What a server does just before it says that it is ready; nothing here."""


@asynccontextmanager
async def _nothing(_: FastAPI) -> AsyncIterator[None]:
    yield


async def _http(model: ServedModel, method: str, path: str, body: bytes = b"", headers: Any = ()) -> tuple[int, Any]:
    """One request to the application itself; its status and its JSON."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    lowered = [(name.lower().encode(), value.encode()) for name, value in dict(headers).items()]
    scope = {"type": "http", "method": method, "path": path, "query_string": b"", "headers": lowered}
    await create_app(model, _nothing)(scope, receive, send)
    body = b"".join(message.get("body", b"") for message in sent)
    return sent[0]["status"], orjson.loads(body) if body else None


@asynccontextmanager
async def _stub(model: ServedModel) -> AsyncIterator[Any]:
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((service(model),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield pb_grpc.GRPCInferenceServiceStub(channel)
    await server.stop(0)


def _metric(model: ServedModel, name: str) -> float | None:
    return model.metrics.registry.get_sample_value(name, {"model": "digits"})


def test_over_http_a_model_being_loaded_is_live_but_not_ready(model: Callable[[Compute], ServedModel]) -> None:
    loading = model(_fails_on_ones)
    message = encode_http_request(IMAGE)

    async def main() -> None:
        assert (await _http(loading, "GET", "/v2/health/live"))[0] == 200
        for path in ("/v2/health/ready", "/v2/models/digits/ready"):
            status, told = await _http(loading, "GET", path)
            assert 400 <= status < 500  # as the protocol says no
            assert "is being loaded" in told["error"]
        assert (await _http(loading, "GET", "/v2/models/digits"))[0] == 200
        assert (await _http(loading, "GET", "/v2/models/digits/config"))[0] == 503  # what runs is not known yet
        status, told = await _http(loading, "POST", "/v2/models/digits/infer", message.body, message.headers)
        assert status == 503
        assert told == {"error": "model 'digits' is not ready: it is being loaded"}
        await loading.load(_ready)
        assert (await _http(loading, "GET", "/v2/models/digits/ready"))[0] == 200
        assert (await _http(loading, "GET", "/v2/models/digits/config"))[1]["name"] == "digits"
        loading.close()

    asyncio.run(main())
    assert _metric(loading, "tailbed_request_failures_total") == 1
    assert _metric(loading, "tailbed_queue_duration_seconds_count") == 0


def test_over_grpc_a_model_being_loaded_is_live_but_not_ready(model: Callable[[Compute], ServedModel]) -> None:
    loading = model(_fails_on_ones)

    async def main() -> None:
        async with _stub(loading) as stub:
            assert (await stub.ServerLive(pb.ServerLiveRequest())).live
            assert not (await stub.ServerReady(pb.ServerReadyRequest())).ready
            assert not (await stub.ModelReady(pb.ModelReadyRequest(name="digits"))).ready
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await stub.ModelInfer(encode_request("digits", IMAGE))
            assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await stub.ModelConfig(pb.ModelConfigRequest(name="digits"))
            assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
            await loading.load(_ready)
            assert (await stub.ModelReady(pb.ModelReadyRequest(name="digits"))).ready
            loading.close()

    asyncio.run(main())


def test_a_runtime_that_fails_is_the_servers_error_and_the_server_goes_on(
    model: Callable[[Compute], ServedModel],
) -> None:
    failing = model(_fails_on_ones)
    line = "the runtime failed: RuntimeError: out of luck"
    message = encode_http_request(IMAGE)
    zeros = {"image": np.zeros((2, 1, 8, 8), np.float32)}

    async def main() -> None:
        await failing.load(_ready)
        status, told = await _http(failing, "POST", "/v2/models/digits/infer", message.body, message.headers)
        assert (status, told) == (500, {"error": line})
        async with _stub(failing) as stub:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await stub.ModelInfer(encode_request("digits", IMAGE))
            assert (refused.value.code(), refused.value.details()) == (grpc.StatusCode.INTERNAL, line)
            answer = decode_response(await stub.ModelInfer(encode_request("digits", zeros)))
            assert answer.outputs["scores"].shape == (2, 10)
        failing.close()

    asyncio.run(main())
    assert _metric(failing, "tailbed_requests_total") == 3
    assert _metric(failing, "tailbed_request_failures_total") == 2
    assert _metric(failing, "tailbed_compute_duration_seconds_count") == 3


@pytest.mark.parametrize(
    ("outputs", "line"),
    [
        ({"scores": np.zeros((1, 9), np.float32)}, r"tensor 'scores' has shape \[1, 9\], expected \[batch, 10\]"),
        ({"scores": np.zeros((1, 10), np.float64)}, "tensor 'scores' has dtype float64, expected float32"),
        ({}, "missing tensor 'scores'"),
    ],
)
def test_a_first_answer_that_is_not_what_the_manifest_says_is_told(
    model: Callable[[Compute], ServedModel], outputs: dict[str, np.ndarray], line: str
) -> None:
    wrong = model(lambda _: outputs)
    with pytest.raises(ServerError, match=line):
        asyncio.run(wrong.load(_ready))
    assert not wrong.ready
    wrong.close()


def test_a_first_answer_that_fails_is_told_in_one_line(model: Callable[[Compute], ServedModel]) -> None:
    def compute(_: Tensors) -> dict[str, np.ndarray]:
        raise RuntimeError("no such instruction\nbacktrace")

    with pytest.raises(ServerError, match=r"^digits/onnx/fp32 cannot compute: RuntimeError: no such instruction$"):
        asyncio.run(model(compute).load(_ready))


def test_there_must_be_an_artifact(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="not an artifact"):
        ServedModel(tmp_path, Settings())
