"""Tensors between Triton's Python backend and numpy. Only for the backend's own process, whose module this imports.

The backend is compiled against numpy 1, and under numpy 2 its own conversions misread the length of an element, without
an error: ``as_numpy`` repeats the first element, and ``Tensor(name, array)`` sends no bytes. DLPack depends on neither
version.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils  # type: ignore[import-not-found]

_set_name = ctypes.pythonapi.PyCapsule_SetName
_set_name.argtypes = [ctypes.py_object, ctypes.c_char_p]
_CONSUMED = b"used_dltensor"  # a static name: capsules keep the pointer


def from_triton(request: Any, name: str) -> np.ndarray:
    """An input of a request, which must not be written to."""
    return np.from_dlpack(pb_utils.get_input_tensor_by_name(request, name))


def to_triton(name: str, array: np.ndarray) -> Any:
    """An output of a response."""
    # numpy exports no array that is read-only, and Triton takes none whose strides are not those of C order to the
    # letter: not even where an axis of length 1 makes any stride do. Reshaping sets them anew.
    owned = np.require(array, requirements=["C", "W"])
    capsule = owned.reshape(-1).reshape(owned.shape).__dlpack__()
    tensor = pb_utils.Tensor.from_dlpack(name, capsule)
    # Triton marks what it has taken with a name of its own, over which numpy would complain at every tensor.
    _set_name(capsule, _CONSUMED)
    return tensor
