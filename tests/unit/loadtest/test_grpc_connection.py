"""One HTTP/2 connection: every call ends once and right, however the frames come and are cut."""

import asyncio
from struct import pack
from unittest.mock import Mock

import hpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.http2 import frames
from loadtest.http2.frames import Code, Frame, FrameReader, Kind, Setting
from loadtest.http2.headers import encode
from loadtest.records import Outcome
from loadtest.transport.grpc_calls.call import prefix
from loadtest.transport.grpc_calls.connection import Connection, Wire
from loadtest.transport.transport import Request

BLOCK = encode([(":method", "POST"), (":path", "/service/method")])
MESSAGES = [b"question", b"q" * 100_000]
ANSWER = b"answer"
HEADERS, ENDS = frames.END_HEADERS, frames.END_HEADERS | frames.END_STREAM
START = encode([(":status", "200"), ("content-type", "application/grpc")])
TRAILERS = encode([("grpc-status", "0"), ("grpc-message", "")])


def headers(block: bytes, flags: int = HEADERS, stream: int = 1) -> bytes:
    return frames.frame(Kind.HEADERS, flags, stream, block)


def data(payload: bytes, flags: int = 0, stream: int = 1) -> bytes:
    return frames.frame(Kind.DATA, flags, stream, payload)


def said(*pairs: tuple[str, str]) -> bytes:
    return encode(pairs)


def answer(stream: int = 1) -> bytes:
    return (
        headers(START, stream=stream) + data(prefix(ANSWER) + ANSWER, stream=stream) + headers(TRAILERS, ENDS, stream)
    )


OK = answer()
PIECES = [prefix(ANSWER)[:2], prefix(ANSWER)[2:] + ANSWER[:1], b"", ANSWER[1:]]
CONTINUED = (
    frames.frame(Kind.HEADERS, 0, 1, START[:3])
    + frames.frame(Kind.CONTINUATION, 0, 1, START[3:5])
    + frames.frame(Kind.CONTINUATION, HEADERS, 1, START[5:])
)
PADDED = data(b"\x04" + prefix(ANSWER) + ANSWER + bytes(4), frames.PADDED)
PRIORITY = headers(b"\x02" + bytes(5) + START + bytes(2), HEADERS | frames.PADDED | frames.PRIORITY)
UNKNOWN = bytes((0, 0, 2, 99, 255, 0, 0, 0, 1)) + b"??"

GOOD = {
    "plain": OK,
    "in pieces": headers(START) + b"".join(map(data, PIECES)) + headers(TRAILERS, ENDS),
    "continued": CONTINUED + data(prefix(ANSWER) + ANSWER) + headers(TRAILERS, ENDS),
    "padded": PRIORITY + PADDED + headers(TRAILERS, ENDS),
    "interim": headers(said((":status", "103"))) + OK,
    "with other frames between": UNKNOWN
    + headers(START)
    + frames.frame(Kind.PRIORITY, 0, 1, bytes(5))
    + data(prefix(ANSWER) + ANSWER)
    + frames.window_update(1, 5)
    + UNKNOWN
    + headers(TRAILERS, ENDS),
}
BAD = {
    "status": (headers(said((":status", "200"), ("grpc-status", "8")), ENDS), Outcome.GRPC + 8),
    "status in trailers": (headers(START) + headers(said(("grpc-status", "14")), ENDS), Outcome.GRPC + 14),
    "status after the message": (
        headers(START) + data(prefix(ANSWER) + ANSWER) + headers(said(("grpc-status", "13")), ENDS),
        Outcome.GRPC + 13,
    ),
    "http status": (headers(said((":status", "503")), ENDS), Outcome.HTTP + 503),
    "http status with a body": (headers(said((":status", "404"))) + data(b"?", frames.END_STREAM), Outcome.HTTP + 404),
    "reset": (headers(START) + frames.rst_stream(1, Code.CANCEL), Outcome.RESET),
    "refused": (frames.rst_stream(1, Code.REFUSED_STREAM), Outcome.RESET),
    "goaway": (frames.goaway(0, Code.NO_ERROR), Outcome.RESET),
    "no status": (headers(START) + data(prefix(ANSWER) + ANSWER, frames.END_STREAM), Outcome.MALFORMED),
    "no status in trailers": (headers(START) + headers(said(("x", "y")), ENDS), Outcome.MALFORMED),
    "status that is no number": (headers(said((":status", "200"), ("grpc-status", "ok")), ENDS), Outcome.MALFORMED),
    "no http status": (headers(said(("grpc-status", "0")), ENDS), Outcome.MALFORMED),
    "no message": (headers(START) + headers(TRAILERS, ENDS), Outcome.MALFORMED),
    "compressed": (headers(START) + data(b"\x01\0\0\0\1x") + headers(TRAILERS, ENDS), Outcome.MALFORMED),
    "too short": (headers(START) + data(b"\x00\0\0\0\2x") + headers(TRAILERS, ENDS), Outcome.MALFORMED),
    "two messages": (headers(START) + 2 * data(b"\x00\0\0\0\1x") + headers(TRAILERS, ENDS), Outcome.MALFORMED),
    "half a prefix": (headers(START) + data(b"\0\0") + headers(TRAILERS, ENDS), Outcome.MALFORMED),
    "data first": (data(b"x"), Outcome.MALFORMED),
    "headers twice": (headers(START) + headers(START), Outcome.MALFORMED),
}
FAULTS = {
    "http/1.1": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "too large": (20_000).to_bytes(3, "big") + bytes(6),
    "no hpack": headers(b"\xff\xff\xff\xff\xff"),
    "block cut short": frames.frame(Kind.HEADERS, 0, 1, START[:3]) + data(b"x"),
    "block of another": frames.frame(Kind.HEADERS, 0, 1, START[:3]) + frames.frame(Kind.CONTINUATION, HEADERS, 3, b""),
    "block without end": frames.frame(Kind.HEADERS, 0, 1) + 17 * frames.frame(Kind.CONTINUATION, 0, 1, bytes(16_384)),
    "continuation of nothing": frames.frame(Kind.CONTINUATION, HEADERS, 1, START),
    "never opened": headers(START, stream=99),
    "even stream": data(b"x", stream=2),
    "reset of nothing": frames.rst_stream(99, Code.CANCEL),
    "data on 0": data(b"x", stream=0),
    "headers on 0": headers(START, stream=0),
    "reset on 0": frames.frame(Kind.RST_STREAM, 0, 0, bytes(4)),
    "ping on 1": frames.frame(Kind.PING, 0, 1, bytes(8)),
    "short ping": frames.frame(Kind.PING, 0, 0, bytes(7)),
    "short settings": frames.frame(Kind.SETTINGS, 0, 0, bytes(5)),
    "full acknowledgement": frames.frame(Kind.SETTINGS, frames.ACK, 0, bytes(6)),
    "small frames": frames.settings({Setting.MAX_FRAME_SIZE: 1}),
    "large window": frames.settings({Setting.INITIAL_WINDOW_SIZE: 2**31}),
    "overflow": frames.window_update(0, 2**31 - 1),
    "no update": frames.window_update(0, 0),
    "push": frames.frame(Kind.PUSH_PROMISE, HEADERS, 1, bytes(4) + START),
    "more padding than payload": data(b"\x09x", frames.PADDED),
}


class Ends:
    """A connection between mocks, what it wrote and what it reported."""

    def __init__(self, settings: dict[Setting, int], first_stream: int = 1) -> None:
        self.owner, self.transport = Mock(), Mock()
        self.written: list[bytes] = []
        self.transport.write = self.written.append
        self.ended: list[tuple[Request, int, int]] = []
        self.connection = Connection(
            self.owner, Wire(BLOCK, MESSAGES), self._done, _Future(), first_stream=first_stream
        )
        self.connection.connection_made(self.transport)
        self.connection.data_received(frames.settings(settings))

    def _done(self, *end) -> None:
        self.ended.append(end)

    def send(self, item: int = 0, *, keep: bool = True) -> Request:
        request = Request(0, item, keep)
        self.connection.send(request)
        return request

    def feed(self, raw: bytes) -> None:
        self.connection.data_received(raw)

    def outcomes(self) -> list[int]:
        return [outcome for _, _, outcome in self.ended]

    def frames(self) -> list[Frame]:
        """All that it has written."""
        raw = b"".join(self.written)
        assert raw.startswith(frames.PREFACE)
        return list(FrameReader().feed(raw[len(frames.PREFACE) :]))

    def of(self, kind: Kind) -> list[Frame]:
        return [frame for frame in self.frames() if frame.kind == kind]


class _Future(asyncio.Future):
    """Nobody waits for it, so it needs no loop that runs."""

    def __init__(self) -> None:
        super().__init__(loop=Mock())


def connect(first_stream: int = 1, **settings: int) -> Ends:
    return Ends({Setting[name.upper()]: value for name, value in settings.items()}, first_stream)


def cut(draw, raw: bytes) -> list[bytes]:
    cuts = sorted(draw(st.sets(st.integers(1, len(raw) - 1), max_size=12)))
    return [raw[start:end] for start, end in zip([0, *cuts], [*cuts, len(raw)], strict=True)]


@pytest.mark.parametrize("name", GOOD)
@given(source=st.data())
def test_a_good_answer_cut_anywhere_ends_its_call_at_its_last_byte(name: str, source: st.DataObject):
    ends = connect()
    request = ends.send()
    assert request.sent_ns > 0
    for part in cut(source.draw, GOOD[name]):
        assert not ends.ended
        ends.feed(part)
    ((ended, done_ns, outcome),) = ends.ended
    assert ended is request
    assert outcome == Outcome.OK
    assert request.answer == ANSWER
    assert done_ns >= request.sent_ns
    assert not ends.of(Kind.RST_STREAM)
    assert not ends.of(Kind.GOAWAY)


@pytest.mark.parametrize("name", BAD)
@given(source=st.data())
def test_a_bad_answer_cut_anywhere_fails_its_call_and_no_other(name: str, source: st.DataObject):
    raw, outcome = BAD[name]
    ends = connect()
    ends.send()
    for part in cut(source.draw, raw):
        ends.feed(part)
    assert ends.outcomes() == [outcome]
    if name == "goaway":
        assert ends.connection.room == 0
        ends.transport.close.assert_called_once()
        return
    ends.feed(data(b"late") + headers(TRAILERS, ENDS))  # what was under way when the call was given up
    ends.send()
    ends.feed(answer(3))
    assert ends.outcomes() == [outcome, Outcome.OK]
    assert not ends.of(Kind.GOAWAY)


@pytest.mark.parametrize("name", FAULTS)
@given(source=st.data())
def test_what_is_not_http2_ends_the_connection_and_all_its_calls(name: str, source: st.DataObject):
    ends = connect()
    ends.send()
    ends.send()
    for part in cut(source.draw, FAULTS[name]):
        ends.feed(part)
    assert ends.outcomes() == [Outcome.MALFORMED] * 2
    assert len(ends.of(Kind.GOAWAY)) == 1
    assert not ends.connection.usable
    ends.owner.lost.assert_called_with(ends.connection)
    ends.transport.close.assert_called_once()
    ends.feed(OK)
    ends.connection.connection_lost(None)
    assert len(ends.ended) == 2


def test_a_request_is_the_preface_settings_headers_and_the_message():
    ends = connect()
    ends.send()
    ends.send()
    kinds = [(frame.kind, frame.stream) for frame in ends.frames()]
    assert kinds[:2] == [(Kind.SETTINGS, 0), (Kind.WINDOW_UPDATE, 0)]
    assert kinds[2] == (Kind.SETTINGS, 0)
    assert ends.frames()[2].flags == frames.ACK
    assert kinds[3:] == [(Kind.HEADERS, 1), (Kind.DATA, 1), (Kind.HEADERS, 3), (Kind.DATA, 3)]
    _, body = ends.of(Kind.HEADERS)[1], ends.of(Kind.DATA)[1]
    assert body.flags == frames.END_STREAM
    assert body.payload == b"\0" + pack(">L", len(MESSAGES[0])) + MESSAGES[0]
    assert dict(hpack.Decoder().decode(ends.of(Kind.HEADERS)[1].payload))[":path"] == "/service/method"


def test_answers_may_come_in_any_order_and_are_kept_only_where_they_are_wanted():
    ends = connect()
    first, second, third = ends.send(), ends.send(keep=False), ends.send()
    ends.feed(headers(START, stream=5) + answer(3) + headers(START))
    ends.feed(data(prefix(b"5") + b"5", stream=5) + data(prefix(b"1") + b"1") + headers(TRAILERS, ENDS, 5))
    ends.feed(headers(TRAILERS, ENDS))
    assert [end[0] for end in ends.ended] == [second, third, first]
    assert [first.answer, second.answer, third.answer] == [b"1", b"", b"5"]


def test_a_large_request_goes_out_as_the_server_takes_it():
    ends = connect()
    request = ends.send(1)
    sent = [frame.payload for frame in ends.of(Kind.DATA)]
    assert sum(map(len, sent)) == frames.DEFAULT_WINDOW
    began_ns = request.sent_ns
    ends.send(0)  # does not pass the one that waits
    assert len(ends.of(Kind.DATA)) == len(sent)
    ends.feed(frames.window_update(1, 50_000))
    ends.feed(frames.window_update(0, 50_000))
    assert b"".join(frame.payload for frame in ends.of(Kind.DATA) if frame.stream == 1) == (
        prefix(MESSAGES[1]) + MESSAGES[1]
    )
    assert ends.of(Kind.DATA)[-1].stream == 3
    assert request.sent_ns > began_ns
    ends.feed(OK)
    assert ends.outcomes() == [Outcome.OK]


def test_settings_that_come_later_let_a_large_request_go_on():
    ends = connect()
    ends.feed(frames.window_update(0, 10**6))
    ends.send(1)
    before = len(ends.of(Kind.DATA))
    ends.feed(frames.settings({Setting.HEADER_TABLE_SIZE: 0, Setting.INITIAL_WINDOW_SIZE: 10**6}))
    assert len(ends.of(Kind.DATA)) > before
    assert ends.of(Kind.DATA)[-1].flags == frames.END_STREAM
    assert len(ends.of(Kind.SETTINGS)) == 3


def test_an_answer_before_the_end_of_its_request_stops_the_request():
    ends = connect()
    ends.send(1)
    ends.feed(headers(said((":status", "200"), ("grpc-status", "8")), ENDS))
    assert ends.outcomes() == [Outcome.GRPC + 8]
    assert [frame.stream for frame in ends.of(Kind.RST_STREAM)] == [1]
    before = len(ends.of(Kind.DATA))
    ends.feed(frames.window_update(0, 10**6) + frames.window_update(1, 10**6))
    assert len(ends.of(Kind.DATA)) == before


def test_pings_are_answered():
    ends = connect()
    ends.feed(frames.frame(Kind.PING, 0, 0, b"12345678") + frames.frame(Kind.PING, frames.ACK, 0, b"other..."))
    (pong,) = ends.of(Kind.PING)
    assert pong == Frame(Kind.PING, frames.ACK, 0, b"12345678")


def test_the_server_may_always_send_more():
    ends = connect()
    ends.send(keep=False)
    ends.feed(headers(START))
    size = 3 * 2**24
    body = b"\0" + pack(">L", size - 5) + bytes(size - 5)
    for start in range(0, size, 16_384):
        ends.feed(data(body[start : start + 16_384]))
    ends.feed(headers(TRAILERS, ENDS))
    assert ends.outcomes() == [Outcome.OK]
    updates = [int.from_bytes(frame.payload, "big") for frame in ends.of(Kind.WINDOW_UPDATE)]
    assert sum(updates[1:]) > size - 2**24 - 1
    assert updates[0] + frames.DEFAULT_WINDOW == frames.LARGEST_WINDOW


def test_header_blocks_that_nobody_wants_are_read_all_the_same():
    encoder = hpack.Encoder()
    ends = connect()
    request = ends.send()
    ends.connection.cancel(1)
    assert [frame.stream for frame in ends.of(Kind.RST_STREAM)] == [1]
    ends.send()
    start = [(":status", "200"), ("x-new", "an entry of the table")]
    ends.feed(headers(encoder.encode(start)))
    ends.feed(headers(encoder.encode(start), stream=3) + data(prefix(ANSWER) + ANSWER, stream=3))
    ends.feed(headers(encoder.encode([("grpc-status", "0")]), ENDS, 3))
    assert ends.outcomes() == [Outcome.OK]
    assert ends.ended[0][0] is not request


def test_goaway_lets_those_go_on_that_the_server_has_seen():
    ends = connect()
    first, second = ends.send(), ends.send()
    ends.feed(frames.goaway(frames.LARGEST_STREAM, Code.NO_ERROR))  # the first notice of a graceful end
    assert not ends.ended
    assert ends.connection.room == 0
    ends.feed(frames.goaway(1, Code.NO_ERROR))
    assert ends.ended[0][0] is second
    assert ends.outcomes() == [Outcome.RESET]
    ends.transport.close.assert_not_called()
    ends.feed(OK)
    assert ends.ended[1][0] is first
    assert ends.outcomes() == [Outcome.RESET, Outcome.OK]
    ends.transport.close.assert_called_once()
    ends.owner.lost.assert_called_with(ends.connection)


def test_a_lost_connection_fails_all_its_calls():
    ends = connect()
    ends.send()
    ends.send()
    ends.feed(headers(START))
    ends.connection.eof_received()
    assert not ends.connection.usable
    ends.connection.connection_lost(None)
    assert ends.outcomes() == [Outcome.RESET] * 2


def test_the_servers_limit_of_concurrent_calls_is_known():
    ends = connect(max_concurrent_streams=2)
    assert ends.connection.room == 2
    ends.send()
    ends.send()
    assert ends.connection.room == 0
    ends.feed(answer(1))
    assert ends.connection.room == 1
    ends.feed(frames.settings({Setting.MAX_CONCURRENT_STREAMS: 0}))
    assert ends.connection.room < 0


def test_when_the_numbers_of_streams_run_out_the_connection_takes_no_more_calls():
    ends = connect(first_stream=2**31 - 3)
    ends.send()
    assert ends.connection.usable
    ends.send()
    assert not ends.connection.usable
    ends.owner.lost.assert_called_once_with(ends.connection)
    ends.feed(answer(2**31 - 1) + answer(2**31 - 3))
    assert ends.outcomes() == [Outcome.OK] * 2
    ends.transport.close.assert_called_once()


def test_the_first_frame_must_be_settings():
    ends = connect()
    fresh = Connection(ends.owner, Wire(BLOCK, MESSAGES), ends._done, _Future())
    fresh.connection_made(ends.transport)
    fresh.data_received(frames.frame(Kind.PING, 0, 0, bytes(8)))
    assert fresh.settled.result() == Outcome.MALFORMED
    assert fresh.dead


def test_calls_that_have_ended_leave_nothing_for_the_garbage_collector():
    import gc
    import weakref

    class Marked(Request):
        __slots__ = ("__weakref__",)

    ends = connect()
    gc.collect()
    gc.disable()
    try:
        request = Marked(0, 0, True)
        ends.connection.send(request)
        ends.feed(OK)
        gone = weakref.ref(request)
        ends.ended.clear()
        del request
        assert gone() is None
    finally:
        gc.enable()
