"""Header blocks (HPACK, RFC 7541): written so that they can be sent on any connection, read by a library."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, Generic, TypeVar

import hpack

from loadtest.http2.frames import Code, ConnectionFault

Headers = list[tuple[bytes, bytes]]
Meaning = TypeVar("Meaning")

_NO_TABLE: Final = b"\x20"
"""Dynamic table size update to 0. A peer that allows no table wants to be told so before the first header, and
in front of every block it holds for whichever is the first."""
_REMEMBERED: Final = 64


def encode(headers: Iterable[tuple[str, str]]) -> bytes:
    """A block of literals that are not to be indexed: it means the same in any place of any connection."""
    parts = [_NO_TABLE]
    for name, value in headers:
        parts += [b"\x00", _string(name.lower()), _string(value)]
    return b"".join(parts)


def _string(text: str) -> bytes:
    raw = text.encode("latin-1")
    return _integer(len(raw), 0x7F) + raw


def _integer(value: int, prefix: int) -> bytes:
    """RFC 7541, 5.1; the bits before the prefix are zero."""
    if value < prefix:
        return bytes((value,))
    encoded = bytearray((prefix,))
    value -= prefix
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


class HeaderReader(Generic[Meaning]):
    """Reads the header blocks of one connection, each of them and in their order.

    Servers say the same with every answer. A block that left the dynamic table as it was means the same again as
    long as no other changes the table, and is then not decoded twice.
    """

    def __init__(self, interpret: Callable[[Headers], Meaning]) -> None:
        self._decoder = hpack.Decoder()
        self._interpret = interpret
        self._known: dict[bytes, Meaning] = {}

    def read(self, block: bytes) -> Meaning:
        """What ``interpret`` makes of the block.

        Raises:
            ConnectionFault: it cannot be decoded, and so nothing after it.
        """
        known = self._known.get(block)
        if known is not None:
            return known
        before = self._table()
        try:
            meaning = self._interpret(list(self._decoder.decode(block, raw=True)))
        except hpack.HPACKError as error:
            raise ConnectionFault(Code.COMPRESSION_ERROR, f"a header block: {error}") from error
        after = self._table()
        # Entries come in at the front and go out at the back. So with the same one in front and as many in all,
        # none came in and none went out.
        if before[0] is not after[0] or before[1:] != after[1:] or len(self._known) >= _REMEMBERED:
            self._known.clear()
        if before[0] is after[0] and before[1:] == after[1:]:
            self._known[block] = meaning
        return meaning

    def _table(self) -> tuple[object, int, int]:
        table = self._decoder.header_table
        entries = table.dynamic_entries
        return (entries[0] if entries else None), len(entries), table.maxsize
