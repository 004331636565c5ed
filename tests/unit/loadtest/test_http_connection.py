"""One connection: a request ends with the bytes that complete its response, however they are cut."""

from unittest.mock import Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.records import Outcome
from loadtest.transport.http1.connection import Connection
from loadtest.transport.transport import Request

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"
BUSY = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
CLOSING = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\n"


class Ends:
    """A connection between mocks, and what it reported."""

    def __init__(self) -> None:
        self.owner, self.transport = Mock(), Mock()
        self.ended: list[tuple[Request, int, int]] = []
        self.connection = Connection(self.owner, lambda *end: self.ended.append(end))
        self.connection.connection_made(self.transport)

    def send(self, *, keep: bool = False) -> Request:
        request = Request(0, 0, keep)
        self.connection.send(request, b"request")
        return request

    def outcome(self) -> int:
        ((_, _, outcome),) = self.ended
        return outcome


@given(st.sampled_from([(OK, 0), (CHUNKED, 0), (INTERIM + OK, 0), (BUSY, Outcome.HTTP + 503)]), st.data())
def test_a_response_cut_anywhere_ends_its_request_at_its_last_byte(case: tuple[bytes, int], data: st.DataObject):
    response, outcome = case
    cuts = sorted(data.draw(st.sets(st.integers(1, len(response) - 1))))
    parts = [response[start:end] for start, end in zip([0, *cuts], [*cuts, len(response)], strict=True)]
    ends = Ends()
    for number in (1, 2):  # and again on the same connection
        request = ends.send(keep=True)
        assert request.sent_ns > 0
        for part in parts:
            assert len(ends.ended) == number - 1
            ends.connection.data_received(part)
        assert ends.ended[-1][0] is request
        assert ends.ended[-1][1] >= request.sent_ns
        assert ends.ended[-1][2] == outcome
        assert request.answer == response
        assert ends.owner.freed.call_count == number
    ends.owner.lost.assert_not_called()


def test_answers_are_kept_only_where_they_are_wanted():
    ends = Ends()
    request = ends.send()
    ends.connection.data_received(OK)
    assert request.answer == b""


def test_a_response_that_closes_takes_the_connection_out_of_use():
    ends = Ends()
    ends.send()
    ends.connection.data_received(CLOSING)
    assert ends.outcome() == Outcome.OK
    ends.owner.freed.assert_not_called()
    ends.owner.lost.assert_called_with(ends.connection)
    ends.transport.close.assert_called_once()


@pytest.mark.parametrize(
    "garbage", [b"hello?\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", OK + OK, OK + OK[:9] + b"x", b"\x00" * 100]
)
def test_garbage_is_malformed(garbage: bytes):
    ends = Ends()
    ends.send()
    ends.connection.data_received(garbage)
    assert ends.outcome() == Outcome.MALFORMED
    ends.owner.lost.assert_called_with(ends.connection)
    ends.transport.abort.assert_called_once()


def test_a_lost_connection_fails_its_request():
    ends = Ends()
    ends.send()
    ends.connection.data_received(OK[:20])
    ends.connection.eof_received()
    ends.connection.connection_lost(None)
    assert ends.outcome() == Outcome.RESET
    ends.owner.lost.assert_called_with(ends.connection)


def test_bytes_that_nobody_asked_for_end_the_connection():
    ends = Ends()
    ends.connection.data_received(OK)
    assert ends.ended == []
    ends.owner.lost.assert_called_once_with(ends.connection)
    ends.transport.abort.assert_called_once()


def test_a_request_given_up_is_not_reported():
    ends = Ends()
    ends.send()
    ends.connection.abort()
    ends.connection.data_received(OK)
    ends.connection.connection_lost(None)
    assert ends.ended == []
