"""The engine over gRPC: the same rows, whatever the server does."""

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import grpc
import grpc.aio
import numpy as np
import pytest
import trustme
from tritonclient.grpc import service_pb2 as pb
from tritonclient.grpc import service_pb2_grpc as pb_grpc

from loadtest.access import parse_headers
from loadtest.plan import AnswerCheck
from loadtest.records import Outcome
from loadtest.scenario import ClosedLoop, OpenLoop
from servers.oip import grpc as codec
from tests.integration.loadtest.engines import assert_one_row_each, make_plan, measure, most_at_once, running
from tests.integration.loadtest.test_engine import closed_port

Behaviour = Callable[[pb.ModelInferRequest, grpc.ServicerContext], pb.ModelInferResponse]
RATE = OpenLoop(rate=200)
OPTIONS = (("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1))


class Servicer(pb_grpc.GRPCInferenceServiceServicer):
    def __init__(self, behaviour: Behaviour) -> None:
        self.ModelInfer = behaviour


@contextmanager
def serve(behaviour: Behaviour, certificate: trustme.LeafCert | None = None) -> Iterator[str]:
    """gRPC's own server with threads."""
    server = grpc.server(ThreadPoolExecutor(8), options=OPTIONS)
    pb_grpc.add_GRPCInferenceServiceServicer_to_server(Servicer(behaviour), server)
    if certificate:
        pair = certificate.private_key_pem.bytes(), certificate.cert_chain_pems[0].bytes()
        port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([pair]))
    else:
        port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"grpc{'s' if certificate else ''}://127.0.0.1:{port}"
    finally:
        server.stop(0).wait()


@contextmanager
def serve_by_asyncio(behaviour: Behaviour) -> Iterator[str]:
    """gRPC's own server on asyncio, in a thread."""
    started: queue.Queue[tuple[int, asyncio.AbstractEventLoop, asyncio.Event]] = queue.Queue()

    async def infer(request: pb.ModelInferRequest, _: object) -> pb.ModelInferResponse:
        return behaviour(request, None)

    async def run() -> None:
        server = grpc.aio.server(options=OPTIONS)
        pb_grpc.add_GRPCInferenceServiceServicer_to_server(Servicer(infer), server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        stopped = asyncio.Event()
        started.put((port, asyncio.get_running_loop(), stopped))
        await stopped.wait()
        await server.stop(None)

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    port, loop, stopped = started.get()
    try:
        yield f"grpc://127.0.0.1:{port}"
    finally:
        loop.call_soon_threadsafe(stopped.set)
        thread.join()


def right(request: pb.ModelInferRequest, _: grpc.ServicerContext) -> pb.ModelInferResponse:
    return codec.encode_response("double", {"y": 2 * codec.decode_request(request).inputs["x"]})


def is_slow(request: pb.ModelInferRequest, context: grpc.ServicerContext) -> pb.ModelInferResponse:
    time.sleep(0.05)
    return right(request, context)


def is_overloaded(_: pb.ModelInferRequest, context: grpc.ServicerContext) -> pb.ModelInferResponse:
    context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "busy")
    raise AssertionError


@pytest.mark.parametrize("server", [serve, serve_by_asyncio])
def test_each_arrival_is_sent_answered_checked_and_recorded(
    tmp_path: Path, server: Callable[[Behaviour], AbstractContextManager[str]]
):
    with server(right) as url:
        found = measure(tmp_path, url, scenario=RATE, check=AnswerCheck(every=4))
    assert_one_row_each(found, RATE, 1)
    assert (found.outcome == Outcome.OK).all()
    assert found.facts.checked >= len(found.outcome) // 4
    assert found.facts.wrong == 0
    assert not found.facts.spinning


def test_wrong_answers_are_noticed(tmp_path: Path):
    def wrong(*_: object) -> pb.ModelInferResponse:
        return codec.encode_response("double", {"y": np.zeros((1, 3), np.float32)})

    with serve(wrong) as url:
        found = measure(tmp_path, url, scenario=RATE, check=AnswerCheck(every=4))
    assert found.facts.wrong == found.facts.checked > 10
    assert "'y' has shape [1, 3], expected [1, 4]" in found.facts.first_wrong


def test_a_status_is_recorded(tmp_path: Path):
    with serve(is_overloaded) as url:
        found = measure(tmp_path, url, scenario=RATE)
    assert_one_row_each(found, RATE, 1)
    assert np.unique(found.outcome).tolist() == [Outcome.GRPC + 8]


def test_a_server_that_never_answers_times_every_request_out(tmp_path: Path):
    released = threading.Event()

    def never_answers(*_: object) -> pb.ModelInferResponse:
        released.wait(10)
        return pb.ModelInferResponse()

    with serve(never_answers) as url:
        found = measure(tmp_path, url, scenario=RATE, timeout_s=0.3)
        released.set()
    assert_one_row_each(found, RATE, 1)
    assert (found.outcome == Outcome.TIMEOUT).all()


@pytest.mark.parametrize("scenario", [RATE, ClosedLoop(concurrency=2)])
def test_a_server_that_is_not_there_refuses_every_request(tmp_path: Path, scenario: OpenLoop | ClosedLoop):
    found = measure(tmp_path, f"grpc://127.0.0.1:{closed_port()}", scenario=scenario)
    assert np.unique(found.outcome).tolist() == [Outcome.REFUSED]
    if isinstance(scenario, OpenLoop):
        assert_one_row_each(found, scenario, 1)
    else:
        assert len(found.outcome) <= 22  # each client pauses before it tries again


def test_a_closed_loop_has_as_many_requests_out_as_clients(tmp_path: Path):
    with serve(is_slow) as url:
        found = measure(tmp_path, url, scenario=ClosedLoop(concurrency=3))
    assert most_at_once(found) == 3
    assert (found.outcome == Outcome.OK).all()


@pytest.mark.parametrize("server", [serve, serve_by_asyncio])
def test_requests_and_answers_larger_than_any_window_arrive_whole(
    tmp_path: Path, server: Callable[[Behaviour], AbstractContextManager[str]]
):
    inputs = np.random.default_rng(0).random((4, 300_000), np.float32)
    with server(right) as url:
        plan = make_plan(tmp_path, url, scenario=ClosedLoop(concurrency=3), check=AnswerCheck(every=2))
        np.savez(plan.pool, **{"inputs/x": inputs, "outputs/y": 2 * inputs})
        with running(tmp_path, plan) as engine:
            found = engine.records()
    assert (found.outcome == Outcome.OK).all()
    assert found.facts.checked > 5
    assert found.facts.wrong == 0


def test_a_call_carries_its_headers_and_its_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    seen = set()

    def looks(request: pb.ModelInferRequest, context: grpc.ServicerContext) -> pb.ModelInferResponse:
        seen.update(pair for pair in context.invocation_metadata() if pair[0] in ("authorization", "x-tenant"))
        return right(request, context)

    monkeypatch.setenv("MY_TOKEN", "abc123")
    with serve(looks) as url:
        found = measure(tmp_path, url, scenario=RATE, headers=parse_headers(["X-Tenant: a b"], bearer_env="MY_TOKEN"))
    assert (found.outcome == Outcome.OK).all()
    assert seen == {("authorization", "Bearer abc123"), ("x-tenant", "a b")}
