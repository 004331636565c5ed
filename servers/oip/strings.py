"""BYTES tensors on the wire: each element is its length as a little-endian uint32, then that many bytes."""

from __future__ import annotations

import struct
from collections.abc import Iterable

import numpy as np

from servers.oip.errors import OipError

_LENGTH = struct.Struct("<I")


def elements(array: np.ndarray) -> list[bytes]:
    """The elements of an array of ``bytes`` or ``str`` (as UTF-8), in row-major order.

    Raises:
        OipError: an element is neither.
    """
    return [_to_bytes(element) for element in array.ravel().tolist()]


def pack(array: np.ndarray) -> bytes:
    """The elements, each behind its length."""
    return b"".join(part for element in elements(array) for part in (_LENGTH.pack(len(element)), element))


def unpack(data: memoryview, count: int) -> list[bytes]:
    """The ``count`` elements that ``data`` holds.

    Raises:
        OipError: ``data`` holds fewer, more, or ends within one.
    """
    found: list[bytes] = []
    offset = 0
    while offset < len(data):
        if len(data) - offset < _LENGTH.size:
            raise OipError(f"its last element is cut off within its length, at byte {offset} of {len(data)}")
        (length,) = _LENGTH.unpack_from(data, offset)
        offset += _LENGTH.size
        if length > len(data) - offset:
            raise OipError(f"element {len(found)} is {length} bytes long, but only {len(data) - offset} follow")
        found.append(bytes(data[offset : offset + length]))
        offset += length
    if len(found) != count:
        raise OipError(f"it holds {len(found)} elements, but its shape asks for {count}")
    return found


def to_array(found: Iterable[bytes], shape: tuple[int, ...]) -> np.ndarray:
    """An array of dtype ``object``; numpy would cut trailing zero bytes off in its own string types."""
    array = np.empty(shape, dtype=np.object_)
    array.ravel()[:] = list(found)
    return array


def _to_bytes(element: object) -> bytes:
    if isinstance(element, str):
        return element.encode()
    if isinstance(element, bytes):
        return element
    raise OipError(f"an element of a BYTES tensor is {type(element).__name__}, expected bytes or str")
