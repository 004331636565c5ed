"""Header blocks, held against the library's own encoder and decoder."""

import hpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.http2.frames import Code, ConnectionFault
from loadtest.http2.headers import HeaderReader, encode

NAMES = st.text(st.characters(codec="ascii", categories=("Ll",)), min_size=1, max_size=20)
VALUES = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=400)
HEADERS = st.lists(st.tuples(NAMES, VALUES), min_size=1, max_size=5)


@given(HEADERS)
def test_a_block_means_the_same_wherever_it_is_sent(headers: list[tuple[str, str]]):
    decoder = hpack.Decoder()
    decoder.decode(hpack.Encoder().encode([("x-other", "entry of the table")]))
    decoder.max_allowed_table_size = 0  # a peer that allows no table
    block = encode(headers)
    for _ in range(2):
        assert [tuple(header) for header in decoder.decode(block)] == headers


SMALL = st.lists(
    st.tuples(st.sampled_from(["a", "b", "c"]), st.sampled_from(["", "1", "2" * 60])), min_size=1, max_size=3
)
STEPS = st.one_of(
    st.tuples(st.just("headers"), SMALL, st.booleans()),
    st.tuples(st.just("resize"), st.sampled_from([0, 40, 100, 130, 4096]), st.just(False)),
)


@given(st.lists(STEPS, max_size=40))
def test_blocks_that_come_again_are_read_as_the_library_reads_them(steps):
    encoder, decoder = hpack.Encoder(), hpack.Decoder()
    reader = HeaderReader(lambda headers: headers)
    for kind, value, sensitive in steps:
        if kind == "resize":
            # The library's encoder forgets to announce a size that it is told twice before the next block.
            if value != encoder.header_table_size:
                encoder.header_table_size = value
            continue
        block = encoder.encode([hpack.HeaderTuple(*pair) if not sensitive else (*pair, True) for pair in value])
        assert reader.read(block) == list(decoder.decode(block, raw=True))


@given(st.lists(st.binary(min_size=1, max_size=12), max_size=20))
def test_any_blocks_are_read_as_the_library_reads_them(blocks: list[bytes]):
    decoder = hpack.Decoder()
    reader = HeaderReader(lambda headers: headers)
    for block in [block for block in blocks for _ in range(2)]:
        try:
            expected = list(decoder.decode(block, raw=True))
        except hpack.HPACKError:
            with pytest.raises(ConnectionFault) as caught:
                reader.read(block)
            assert caught.value.code is Code.COMPRESSION_ERROR
            return
        assert reader.read(block) == expected


def test_a_block_that_comes_again_is_decoded_once_until_the_table_changes():
    read = []
    reader = HeaderReader(lambda headers: read.append(headers) or headers)
    encoder = hpack.Encoder()
    blocks = [encoder.encode([("a", "1")]) for _ in range(4)]
    for block in blocks:  # the first one puts an entry into the table, the others name it
        reader.read(block)
    assert len(read) == 2
    reader.read(encoder.encode([("b", "1")]))
    reader.read(encoder.encode([("a", "1")]))
    assert [dict(headers) for headers in read[2:]] == [{b"b": b"1"}, {b"a": b"1"}]
