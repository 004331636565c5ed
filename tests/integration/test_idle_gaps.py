"""First requests after pauses, to a server that is slow after it was idle."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from exporters.artifact import Answers
from servers import Endpoint, EndpointError
from tailbed.experiment.idle_gaps import USUAL_REQUESTS, measure_idle_gaps, repetitions

ANSWERS = Answers({"x": np.ones((3, 2), np.float32)}, {"y": np.ones((3, 1), np.float32)})
ANSWER = {"model_name": "m", "outputs": [{"name": "y", "datatype": "FP32", "shape": [1, 1], "data": [1]}]}
IDLE_S = 0.3
SLOW_S = 0.1


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[float] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    """Loses what it knows in ``IDLE_S``, and needs ``SLOW_S`` to find it again."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        self._answer({"name": "test", "version": "1", "extensions": []})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        now = time.monotonic()
        if self.server.asked and now - self.server.asked[-1] > IDLE_S:
            time.sleep(SLOW_S)
        self.server.asked.append(time.monotonic())
        self._answer(ANSWER)

    def _answer(self, content: object) -> None:
        body = json.dumps(content).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        self.wfile.write(head + body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def _serving() -> Iterator[_Server]:
    with _Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def test_a_server_that_is_slow_after_a_pause_is_seen() -> None:
    passed: list[float] = []
    with _serving() as server:
        found = measure_idle_gaps(
            Endpoint("oip-http", server.url, "m"),
            ANSWERS,
            [0.02, 0.5],
            timeout_s=5,
            companion_url=None,
            passed=passed.append,
        )
    short, long = found
    assert (short.gap_s, long.gap_s) == (0.02, 0.5)
    assert len(short.first_ms) == len(long.first_ms) == 5
    assert min(long.first_ms) >= SLOW_S * 1e3
    assert long.usual_ms == short.usual_ms < SLOW_S * 1e3
    assert sum(first >= SLOW_S * 1e3 for first in short.first_ms) < 5  # not even where the machine stalls
    assert passed[-1] == pytest.approx(5 * 0.52)
    assert passed == sorted(passed)
    assert len(server.asked) == USUAL_REQUESTS + 2 * 5 * 21
    # They take turns: the server's own gaps are a short one, a long one, a short one.
    gaps = np.diff(server.asked)[USUAL_REQUESTS - 1 :: 21]
    assert (gaps[1::2] >= 0.5).all()
    assert (gaps >= 0.02).all()


def test_the_companion_is_asked_in_the_pause_and_the_server_is_not() -> None:
    with _serving() as server, _serving() as companion:
        measure_idle_gaps(
            Endpoint("oip-http", server.url, "m"),
            ANSWERS,
            [0.2],
            timeout_s=5,
            companion_url=companion.url,
            passed=lambda _: None,
        )
    assert len(server.asked) == USUAL_REQUESTS + 5 * 21
    asked = np.array(server.asked)
    pauses = asked[USUAL_REQUESTS - 1 :: 21][:5], asked[USUAL_REQUESTS::21]
    for begin, end in zip(*pauses, strict=True):
        inside = [when for when in companion.asked if begin < when < end]
        assert inside, "the client slept until the end"
        assert min(inside) - begin >= 0.15
    assert all(any(begin < when < end for begin, end in zip(*pauses, strict=True)) for when in companion.asked[1:])


def test_a_request_without_an_answer_is_one_line() -> None:
    endpoint = Endpoint("oip-http", "http://127.0.0.1:1", "m")
    with pytest.raises(EndpointError, match="cannot connect"):
        measure_idle_gaps(endpoint, ANSWERS, [0.1], timeout_s=1, companion_url=None, passed=lambda _: None)


@pytest.mark.parametrize(("gap_s", "count"), [(0.1, 5), (4, 5), (5, 4), (19, 1), (60, 1)])
def test_a_gap_is_repeated_as_often_as_20_seconds_allow(gap_s: float, count: int) -> None:
    assert repetitions(gap_s) == count
