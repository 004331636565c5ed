"""The protocol's element types and numpy's."""

from __future__ import annotations

from typing import Final

import numpy as np

from servers.oip.errors import OipError

BYTES: Final = "BYTES"
"""Elements of any length. As an array: dtype ``object``, each element a ``bytes``."""

_DTYPES: Final[dict[str, np.dtype]] = {
    "BOOL": np.dtype(np.bool_),
    "UINT8": np.dtype(np.uint8),
    "UINT16": np.dtype(np.uint16),
    "UINT32": np.dtype(np.uint32),
    "UINT64": np.dtype(np.uint64),
    "INT8": np.dtype(np.int8),
    "INT16": np.dtype(np.int16),
    "INT32": np.dtype(np.int32),
    "INT64": np.dtype(np.int64),
    "FP16": np.dtype(np.float16),
    "FP32": np.dtype(np.float32),
    "FP64": np.dtype(np.float64),
    BYTES: np.dtype(np.object_),
}
_DATATYPES: Final = {dtype: datatype for datatype, dtype in _DTYPES.items()}

DATATYPES: Final = tuple(_DTYPES)
"""Every datatype that numpy can hold; the protocol's BF16 is not among them."""


def to_numpy(datatype: object) -> np.dtype:
    """The dtype of a protocol's datatype, such as float32 of ``"FP32"``.

    Raises:
        OipError: not a datatype of the protocol, or one that numpy cannot hold.
    """
    dtype = _DTYPES.get(datatype) if isinstance(datatype, str) else None
    if dtype is None:
        raise OipError(f"unknown datatype {datatype!r}: choose from {', '.join(_DTYPES)}")
    return dtype


def from_numpy(dtype: np.dtype) -> str:
    """The protocol's datatype of a dtype; strings of any kind are BYTES.

    Raises:
        OipError: the protocol has no such type.
    """
    datatype = BYTES if dtype.kind in "SU" else _DATATYPES.get(dtype)
    if datatype is None:
        raise OipError(f"dtype {dtype} has no datatype in the Open Inference Protocol")
    return datatype
