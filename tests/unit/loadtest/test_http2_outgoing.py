"""Flow control: bodies arrive whole and in order, and never a byte more than the peer takes."""

from itertools import starmap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.http2 import frames
from loadtest.http2.frames import ConnectionFault, FrameReader, Kind
from loadtest.http2.outgoing import Outgoing

STEPS = st.one_of(
    st.tuples(st.just("send"), st.integers(1, 200_000)),
    st.tuples(st.just("connection"), st.integers(1, 100_000)),
    st.tuples(st.just("stream"), st.integers(1, 100_000)),
    st.tuples(st.just("initial"), st.integers(0, 100_000)),
    st.tuples(st.just("frame"), st.integers(16_384, 50_000)),
)


class Peer:
    """Reads what is written and holds it against the windows that it has given."""

    def __init__(self) -> None:
        self.window = self.initial = frames.DEFAULT_WINDOW
        self.largest = frames.MAX_FRAME_SIZE
        self.windows: dict[int, int] = {}
        self.bodies: dict[int, bytes] = {}
        self.ended: set[int] = set()

    def write(self, data: bytes) -> None:
        while data:
            size = int.from_bytes(data[:3], "big")
            assert size <= self.largest
            assert data[3] == Kind.DATA
            stream = int.from_bytes(data[5:9], "big")
            assert stream not in self.ended
            self.window -= size
            self.windows[stream] -= size
            assert min(self.window, self.windows[stream]) >= 0
            self.bodies[stream] += data[9 : 9 + size]
            if data[4] & frames.END_STREAM:
                self.ended.add(stream)
            data = data[9 + size :]


@given(st.lists(STEPS, max_size=30))
def test_bodies_arrive_whole_within_the_windows(steps: list[tuple[str, int]]):
    outgoing, peer = Outgoing(), Peer()
    sent: dict[int, bytes] = {}
    for kind, value in steps:
        stream = 2 * len(sent) + 1
        match kind:
            case "send":
                peer.windows[stream], peer.bodies[stream] = peer.initial, b""
                sent[stream] = bytes([stream % 256]) * value
                if value <= outgoing.at_once:
                    outgoing.take(value)
                    peer.write(frames.frame(Kind.DATA, frames.END_STREAM, stream, sent[stream]))
                else:
                    outgoing.send(stream, sent[stream], peer.write)
            case "connection":
                peer.window += value
                outgoing.on_window_update(0, value, peer.write)
            case "stream" if sent:
                peer.windows[stream - 2] += value
                outgoing.on_window_update(stream - 2, value, peer.write)
            case "initial":
                peer.windows = {stream: window + value - peer.initial for stream, window in peer.windows.items()}
                peer.initial = value
                outgoing.on_initial_window(value, peer.write)
            case "frame":
                peer.largest = value
                outgoing.on_max_frame(value)
    peer.window += 10**8
    outgoing.on_window_update(0, 10**8, peer.write)
    for stream in sent:
        peer.windows[stream] += 10**7
        outgoing.on_window_update(stream, 10**7, peer.write)
    assert peer.bodies == sent
    assert peer.ended == set(sent)


def test_what_follows_a_body_goes_out_after_its_last_byte():
    outgoing, written = Outgoing(), []
    outgoing.send(1, bytes(70_000), written.append, tail=b"tail")
    assert not b"".join(written).endswith(b"tail")
    outgoing.on_window_update(0, 10_000, written.append)
    outgoing.on_window_update(1, 10_000, written.append)
    whole = b"".join(written)
    assert whole.endswith(b"tail")
    parts = list(FrameReader().feed(whole[:-4]))
    assert sum(len(part.payload) for part in parts) == 70_000
    assert not any(part.flags & frames.END_STREAM for part in parts)


def test_a_body_that_is_dropped_is_not_sent_on():
    outgoing, written = Outgoing(), []
    outgoing.send(1, bytes(70_000), written.append)
    assert outgoing.drop(1)
    assert not outgoing.drop(1)
    before = len(written)
    outgoing.on_window_update(0, 10_000, written.append)
    assert not outgoing.on_window_update(1, 10_000, written.append)
    assert len(written) == before


@pytest.mark.parametrize("stream", [0, 1])
@pytest.mark.parametrize("size", [0, frames.LARGEST_WINDOW])
def test_a_window_that_cannot_be_is_a_fault(stream: int, size: int):
    outgoing = Outgoing()
    outgoing.send(1, bytes(70_000), lambda _: None)
    updates = [(stream, size), (stream, size)]
    with pytest.raises(ConnectionFault):  # the second time at the latest
        list(starmap(lambda *update: outgoing.on_window_update(*update, lambda _: None), updates))


@pytest.mark.parametrize("size", [16_383, 2**24])
def test_a_frame_size_that_cannot_be_is_a_fault(size: int):
    with pytest.raises(ConnectionFault):
        Outgoing().on_max_frame(size)
