"""The engine over HTTP/2 against servers on bad days: no request is ever missing, and no wrong one is blamed."""

import socket
import threading
from pathlib import Path

import numpy as np
import pytest

from loadtest.plan import AnswerCheck
from loadtest.records import Outcome
from loadtest.scenario import ClosedLoop, OpenLoop
from tests.integration.loadtest import misbehaving_http2 as bad
from tests.integration.loadtest.engines import assert_one_row_each, measure, most_at_once

RATE = OpenLoop(rate=300)


@pytest.mark.parametrize(
    ("behaviour", "outcome"),
    [
        (bad.right, Outcome.OK),
        (bad.pings, Outcome.OK),
        (bad.resets, Outcome.RESET),
        (bad.hangs_up, Outcome.RESET),
        (bad.talks_garbage, Outcome.MALFORMED),
    ],
)
def test_a_server_on_a_bad_day_leaves_no_gap(tmp_path: Path, behaviour: bad.Behaviour, outcome: int):
    with bad.serve(behaviour) as (url, _):
        found = measure(tmp_path, url, scenario=RATE, check=AnswerCheck(every=4))
    assert_one_row_each(found, RATE, 1)
    assert np.unique(found.outcome).tolist() == [outcome]
    assert found.facts.wrong == 0
    assert (found.facts.checked > 0) == (outcome == Outcome.OK)


def test_a_connection_that_ends_gracefully_is_replaced(tmp_path: Path):
    with bad.serve(bad.goes_away_now_and_then) as (url, conversations):
        found = measure(tmp_path, url, scenario=RATE)
    assert_one_row_each(found, RATE, 1)
    # Only calls that crossed the server's word on their way can have failed.
    assert set(np.unique(found.outcome).tolist()) <= {Outcome.OK, Outcome.RESET}
    assert np.count_nonzero(found.outcome == Outcome.OK) > 0.8 * len(found.outcome)
    assert len(conversations) > 10


@pytest.mark.parametrize(("streams", "clients", "connections"), [(1, 3, 3), (2, 5, 3), (9, 5, 1)])
def test_no_connection_gets_more_calls_than_the_server_takes(
    tmp_path: Path, streams: int, clients: int, connections: int
):
    answers: list[threading.Timer] = []

    def is_slow(conversation: bad.Conversation, stream: int) -> None:
        answers.append(threading.Timer(0.02, conversation.answer, (stream,)))
        answers[-1].start()

    with bad.serve(is_slow, max_concurrent_streams=streams) as (url, conversations):
        found = measure(tmp_path, url, scenario=ClosedLoop(concurrency=clients))
        for timer in answers:
            timer.join()
    assert (found.outcome == Outcome.OK).all()
    assert most_at_once(found) == clients
    assert max(conversation.most_open for conversation in conversations) == min(streams, clients)
    assert len(conversations) == connections


def test_calls_that_time_out_are_given_up_and_others_go_on(tmp_path: Path):
    def answers_every_other(conversation: bad.Conversation, stream: int) -> None:
        if stream % 4 == 1:
            conversation.answer(stream)

    with bad.serve(answers_every_other) as (url, conversations):
        found = measure(tmp_path, url, scenario=RATE, timeout_s=0.2)
    assert_one_row_each(found, RATE, 1)
    assert set(np.unique(found.outcome).tolist()) == {Outcome.OK, Outcome.TIMEOUT}
    assert len(conversations) == 1


def test_a_server_that_says_nothing_times_every_request_out(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        found = measure(tmp_path, f"grpc://127.0.0.1:{server.getsockname()[1]}", scenario=RATE, timeout_s=0.3)
    assert_one_row_each(found, RATE, 1)
    assert (found.outcome == Outcome.TIMEOUT).all()
    assert (found.sent_ns == 0).all()


def test_a_server_of_http_1_is_told_from_one_of_grpc(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def reply() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
                    connection.recv(1000)

        thread = threading.Thread(target=reply)
        thread.start()
        found = measure(tmp_path, f"grpc://127.0.0.1:{server.getsockname()[1]}", scenario=RATE)
        server.shutdown(socket.SHUT_RDWR)
        thread.join()
    assert_one_row_each(found, RATE, 1)
    assert (found.outcome == Outcome.MALFORMED).all()
