"""The API's element types and numpy's."""

from __future__ import annotations

from typing import Final

import numpy as np

from servers.tfserving_api.errors import TfServingError

STRING: Final = "DT_STRING"
"""Elements of any length. As an array: dtype ``object``, each element a ``bytes``."""

_DTYPES: Final[dict[str, np.dtype]] = {
    "DT_FLOAT": np.dtype(np.float32),
    "DT_DOUBLE": np.dtype(np.float64),
    "DT_HALF": np.dtype(np.float16),
    "DT_INT8": np.dtype(np.int8),
    "DT_INT16": np.dtype(np.int16),
    "DT_INT32": np.dtype(np.int32),
    "DT_INT64": np.dtype(np.int64),
    "DT_UINT8": np.dtype(np.uint8),
    "DT_UINT16": np.dtype(np.uint16),
    "DT_UINT32": np.dtype(np.uint32),
    "DT_UINT64": np.dtype(np.uint64),
    "DT_BOOL": np.dtype(np.bool_),
    STRING: np.dtype(np.object_),
}
_NAMES: Final = {dtype: name for name, dtype in _DTYPES.items()}

DATATYPES: Final = tuple(_DTYPES)
"""Every one that numpy can hold; bfloat16, complex and quantized types are not among them."""


def to_numpy(datatype: object) -> np.dtype:
    """The dtype of ``"DT_FLOAT"`` and so on.

    Raises:
        TfServingError: not a datatype of the API, or one that numpy cannot hold.
    """
    dtype = _DTYPES.get(datatype) if isinstance(datatype, str) else None
    if dtype is None:
        raise TfServingError(f"datatype {datatype!r} is not supported: choose from {', '.join(_DTYPES)}")
    return dtype


def from_numpy(dtype: np.dtype) -> str:
    """The API's name of a dtype; strings of any kind are ``DT_STRING``.

    Raises:
        TfServingError: the API has no such type.
    """
    name = STRING if dtype.kind in "SU" else _NAMES.get(dtype)
    if name is None:
        raise TfServingError(f"dtype {dtype} has no datatype in TensorFlow Serving's API")
    return name
