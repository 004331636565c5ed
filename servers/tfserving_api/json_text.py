"""JSON as TensorFlow Serving reads and writes it: with the tokens ``NaN``, ``Infinity`` and ``-Infinity``.

Finite values go through orjson, which writes each one so that it is read back the same; only a message with one of
these tokens takes Python's own module, which knows them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import numpy as np
import orjson

from servers.tfserving_api.errors import TfServingError

_TOKENS = (b"NaN", b"Infinity")


def load(text: bytes) -> dict[str, Any]:
    """The object that a text is.

    Raises:
        TfServingError: it is none.
    """
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        if not any(token in text for token in _TOKENS):
            raise TfServingError(f"the body is not JSON: {error}") from error
        try:
            found = json.loads(text)
        except (ValueError, RecursionError) as second:
            raise TfServingError(f"the body is not JSON: {str(second) or 'nested too deeply'}") from second
    if not isinstance(found, dict):
        raise TfServingError("the body is not a JSON object")
    return found


def dump(message: dict[str, Any], arrays: Iterable[np.ndarray]) -> bytes:
    """The text of a message.

    Args:
        message: plain values, and C-contiguous arrays of numbers or parts of them.
        arrays: all whose values are in it.
    """
    if all(array.dtype.kind != "f" or np.isfinite(array).all() for array in arrays):
        return orjson.dumps(message, option=orjson.OPT_SERIALIZE_NUMPY)
    return json.dumps(message, default=_plain, separators=(",", ":")).encode()


def _plain(value: np.ndarray | np.generic) -> Any:
    return value.tolist()
