"""The engine over gRPC: the same rows, whatever the server does."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import grpc
import numpy as np
import pytest
from tritonclient.grpc import service_pb2 as pb
from tritonclient.grpc import service_pb2_grpc as pb_grpc

from loadtest.plan import AnswerCheck
from loadtest.records import Outcome
from loadtest.scenario import ClosedLoop, OpenLoop
from servers.oip import grpc as codec
from tests.integration.loadtest.engines import assert_one_row_each, measure, most_at_once
from tests.integration.loadtest.test_engine import closed_port

Behaviour = Callable[[pb.ModelInferRequest, grpc.ServicerContext], pb.ModelInferResponse]
RATE = OpenLoop(rate=200)


class Servicer(pb_grpc.GRPCInferenceServiceServicer):
    def __init__(self, behaviour: Behaviour) -> None:
        self.ModelInfer = behaviour


@contextmanager
def serve(behaviour: Behaviour) -> Iterator[str]:
    server = grpc.server(ThreadPoolExecutor(8))
    pb_grpc.add_GRPCInferenceServiceServicer_to_server(Servicer(behaviour), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"grpc://127.0.0.1:{port}"
    finally:
        server.stop(0).wait()


def right(request: pb.ModelInferRequest, _: grpc.ServicerContext) -> pb.ModelInferResponse:
    return codec.encode_response("double", {"y": 2 * codec.decode_request(request).inputs["x"]})


def is_slow(request: pb.ModelInferRequest, context: grpc.ServicerContext) -> pb.ModelInferResponse:
    time.sleep(0.05)
    return right(request, context)


def is_overloaded(_: pb.ModelInferRequest, context: grpc.ServicerContext) -> pb.ModelInferResponse:
    context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "busy")
    raise AssertionError


def test_each_arrival_is_sent_answered_checked_and_recorded(tmp_path: Path):
    with serve(right) as url:
        found = measure(tmp_path, url, scenario=RATE, check=AnswerCheck(tolerance=0, every=4))
    assert_one_row_each(found, RATE, 1)
    assert (found.outcome == Outcome.OK).all()
    assert found.facts.checked >= len(found.outcome) // 4
    assert found.facts.wrong == 0
    assert not found.facts.spinning


def test_wrong_answers_are_noticed(tmp_path: Path):
    def wrong(*_: object) -> pb.ModelInferResponse:
        return codec.encode_response("double", {"y": np.zeros((1, 3), np.float32)})

    with serve(wrong) as url:
        found = measure(tmp_path, url, scenario=RATE, check=AnswerCheck(tolerance=0, every=4))
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
def test_a_server_that_is_not_there_is_unavailable(tmp_path: Path, scenario: OpenLoop | ClosedLoop):
    found = measure(tmp_path, f"grpc://127.0.0.1:{closed_port()}", scenario=scenario)
    assert np.unique(found.outcome).tolist() == [Outcome.GRPC + 14]
    if isinstance(scenario, OpenLoop):
        assert_one_row_each(found, scenario, 1)
    else:
        assert len(found.outcome) <= 22  # each client pauses before it tries again


def test_a_closed_loop_has_as_many_requests_out_as_clients(tmp_path: Path):
    with serve(is_slow) as url:
        found = measure(tmp_path, url, scenario=ClosedLoop(concurrency=3))
    assert most_at_once(found) == 3
    assert (found.outcome == Outcome.OK).all()
