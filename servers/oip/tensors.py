"""One tensor on the wire: as raw bytes, and as a JSON list."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from servers.oip import strings
from servers.oip.datatypes import BYTES, to_numpy
from servers.oip.errors import OipError

_MAX_AXES = 64
_MAX_ELEMENTS = 2**59
_JSON_KINDS = {"b": "b", "i": "iu", "u": "iu", "f": "iuf"}
"""The kinds of array that numpy may make of a JSON list, by the kind that the datatype asks for."""


def to_raw(array: np.ndarray) -> bytes:
    """The elements in row-major order, little-endian."""
    return strings.pack(array) if array.dtype.kind in "OSU" else array.tobytes()


def from_raw(name: str, datatype: object, shape: object, data: bytes | memoryview) -> np.ndarray:
    """The array that ``data`` holds, a copy that is aligned and writable.

    The message that carries the bytes is neither: tensors lie in it at any offset, and libraries that compute on
    them in place may need both.

    Raises:
        OipError: the datatype is unknown, the shape is no shape, or the bytes are not that many elements.
    """
    dtype, sizes = _declared(name, datatype, shape)
    count = math.prod(sizes)
    if datatype == BYTES:
        try:
            return strings.to_array(strings.unpack(memoryview(data), count), sizes)
        except OipError as error:
            raise OipError(f"tensor {name!r}: {error}") from error
    if len(data) != count * dtype.itemsize:
        raise OipError(
            f"tensor {name!r} has {len(data)} bytes of data, "
            f"but {datatype} of shape {list(sizes)} takes {count * dtype.itemsize}"
        )
    flat = np.frombuffer(data, dtype=np.uint8 if dtype.kind == "b" else dtype)
    return flat.reshape(sizes).astype(dtype, copy=True)


def to_json(name: str, array: np.ndarray) -> Any:
    """The elements in row-major order, as a list or an array that orjson writes as one.

    Raises:
        OipError: a value that JSON cannot hold: NaN, infinity or bytes that are not UTF-8.
    """
    if array.dtype.kind in "OSU":
        try:
            return [element.decode() for element in strings.elements(array)]
        except UnicodeDecodeError as error:
            raise OipError(f"tensor {name!r} holds bytes that are not UTF-8: ask for binary data") from error
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise OipError(f"tensor {name!r} holds NaN or infinity, which JSON cannot: ask for binary data")
    return np.ascontiguousarray(array).ravel()


def from_list(name: str, datatype: object, shape: object, data: object) -> np.ndarray:
    """The array that a list of values holds, either flat in row-major order or nested as the shape says.

    Raises:
        OipError: the datatype is unknown, the shape is no shape, or the list does not fit them.
    """
    dtype, sizes = _declared(name, datatype, shape)
    if not isinstance(data, list):
        raise OipError(f"tensor {name!r}: data is not a list")
    count = math.prod(sizes)
    try:
        values = np.array(data, dtype=np.object_ if datatype == BYTES else None)
        if dtype == np.uint64 and values.dtype.kind == "f":  # numpy makes floats of integers over 2**63
            values = np.array(data, dtype=np.object_)
    except (ValueError, OverflowError, RecursionError) as error:
        raise OipError(f"tensor {name!r}: data is no array of {datatype}: rows differ in length or type") from error
    if values.size != count or (values.ndim != 1 and values.shape != sizes):
        raise OipError(f"tensor {name!r} has data of shape {list(values.shape)}, but its shape is {list(sizes)}")
    if count == 0:
        return np.empty(sizes, dtype)
    return _cast(name, str(datatype), dtype, values).reshape(sizes)


def _cast(name: str, datatype: str, dtype: np.dtype, values: np.ndarray) -> np.ndarray:
    if datatype == BYTES:
        try:
            return strings.to_array(strings.elements(values), values.shape)
        except OipError as error:
            raise OipError(f"tensor {name!r}: {error}") from error
    integers = values.dtype.kind == "O" and dtype == np.uint64 and all(type(value) is int for value in values.flat)
    if values.dtype.kind not in _JSON_KINDS[dtype.kind] and not integers:
        raise OipError(f"tensor {name!r}: data is not all {datatype}")
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        if int(values.min()) < limits.min or int(values.max()) > limits.max:
            raise OipError(f"tensor {name!r}: data is out of the range of {datatype}")
    with np.errstate(over="ignore"):
        cast = values.astype(dtype)
    if dtype.kind == "f" and (np.isfinite(cast) != np.isfinite(values)).any():
        raise OipError(f"tensor {name!r}: data is out of the range of {datatype}")
    return cast


def _declared(name: str, datatype: object, shape: object) -> tuple[np.dtype, tuple[int, ...]]:
    try:
        dtype = to_numpy(datatype)
    except OipError as error:
        raise OipError(f"tensor {name!r}: {error}") from error
    if not isinstance(shape, list | tuple):
        raise OipError(f"tensor {name!r}: shape is not a list")
    sizes = tuple(shape)
    if not all(type(size) is int and size >= 0 for size in sizes):
        raise OipError(f"tensor {name!r}: shape {list(sizes)} must be sizes of 0 or more")
    # An empty tensor passes every comparison with its data, yet may declare more than numpy can index.
    if len(sizes) > _MAX_AXES or math.prod(max(size, 1) for size in sizes) > _MAX_ELEMENTS:
        raise OipError(f"tensor {name!r}: its shape of {len(sizes)} axes is too large")
    return dtype, sizes
