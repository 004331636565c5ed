"""Frames: the same ones come out however the bytes are cut, and bad ones are told."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.http2 import frames
from loadtest.http2.frames import Code, ConnectionFault, Frame, FrameReader, Kind, Setting

FRAMES = st.builds(
    Frame,
    st.sampled_from(Kind).map(int),
    st.integers(0, 255),
    st.integers(0, frames.LARGEST_STREAM),
    st.binary(max_size=200),
)


@given(st.lists(FRAMES, max_size=6), st.data())
def test_frames_come_out_as_they_went_in_however_the_bytes_are_cut(sent: list[Frame], data: st.DataObject):
    raw = b"".join(frames.frame(Kind(kind), flags, stream, payload) for kind, flags, stream, payload in sent)
    cuts = sorted(data.draw(st.sets(st.integers(1, max(1, len(raw) - 1)))))
    reader, found = FrameReader(), []
    for start, end in zip([0, *cuts], [*cuts, len(raw)], strict=True):
        found += reader.feed(raw[start:end])
    assert found == sent


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reader_in_another_way_than_by_a_fault(raw: bytes):
    with suppress(ConnectionFault):
        for found in FrameReader().feed(raw):
            assert len(found.payload) <= frames.MAX_FRAME_SIZE


def test_the_reserved_bit_of_the_stream_is_ignored():
    raw = frames.frame(Kind.DATA, 0, 5, b"x")
    (found,) = FrameReader().feed(raw[:5] + bytes([raw[5] | 0x80]) + raw[6:])
    assert found.stream == 5


def test_a_frame_larger_than_we_take_is_a_fault_before_it_is_read():
    header = (frames.MAX_FRAME_SIZE + 1).to_bytes(3, "big") + bytes(6)
    with pytest.raises(ConnectionFault) as caught:
        list(FrameReader().feed(header))
    assert caught.value.code is Code.FRAME_SIZE_ERROR


@given(st.binary(max_size=50), st.integers(0, 255), st.booleans())
def test_padding_and_priority_are_taken_off(body: bytes, padding: int, priority: bool):
    flags = frames.PADDED | (frames.PRIORITY if priority else 0)
    payload = bytes([padding]) + (b"12345" if priority else b"") + body + bytes(padding)
    assert frames.content(flags, payload) == body
    assert frames.content(frames.END_STREAM, body) == body


@pytest.mark.parametrize(
    ("flags", "payload"),
    [(frames.PADDED, b""), (frames.PADDED, b"\x02x"), (frames.PRIORITY, b"1234"), (frames.PADDED, b"\xff" * 255)],
)
def test_more_padding_than_payload_is_a_fault(flags: int, payload: bytes):
    with pytest.raises(ConnectionFault):
        frames.content(flags, payload)


def test_settings_are_read_in_their_order():
    values = {Setting.MAX_FRAME_SIZE: 20_000, Setting.ENABLE_PUSH: 0}
    (found,) = FrameReader().feed(frames.settings(values))
    assert list(frames.read_settings(found.payload)) == list(values.items())
    with pytest.raises(ConnectionFault):
        frames.read_settings(found.payload[:-1])


@pytest.mark.parametrize(
    ("kind", "size", "payload"),
    [(Kind.RST_STREAM, 4, b"123"), (Kind.WINDOW_UPDATE, 4, b"12345"), (Kind.GOAWAY, 8, b"1234567")],
)
def test_a_payload_of_the_wrong_size_is_a_fault(kind: Kind, size: int, payload: bytes):
    with pytest.raises(ConnectionFault, match=kind.name):
        frames.read_word(payload, kind, size)
