"""The REST API: predictions in JSON, by columns (``inputs``) or by rows (``instances``).

JSON has neither dtypes nor, where there is only one, the tensor's name: who reads it must know them from the metadata.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from models import Tensors, TensorSpec
from servers.oip import strings
from servers.oip import tensors as lists
from servers.oip.datatypes import from_numpy as oip_datatype
from servers.oip.errors import OipError
from servers.tfserving_api import json_text
from servers.tfserving_api.datatypes import from_numpy
from servers.tfserving_api.errors import TfServingError
from servers.tfserving_api.signature import check_signature

UNNAMED: Final = ""
"""The name of an only output as it was read, where the message has none."""

_WITHOUT_JSON: Final = ("DT_HALF", "DT_UINT16")
_BYTES_SUFFIX: Final = "_bytes"
"""Of the names of string outputs that go as base64."""
_B64: Final = "b64"


@dataclass(frozen=True)
class PredictRequest:
    """What is asked of a model.

    Attributes:
        inputs: arrays by name.
        rows: whether it came by rows, which the answer does then too.
    """

    inputs: dict[str, np.ndarray]
    rows: bool


def encode_request(inputs: Tensors) -> bytes:
    """A request by columns.

    Raises:
        TfServingError: a tensor that the API's JSON cannot hold.
    """
    prepared = {name: _writable(name, array, base64_only=True) for name, array in inputs.items()}
    return json_text.dump({"inputs": prepared}, inputs.values())


def decode_request(body: bytes, specs: Sequence[TensorSpec]) -> PredictRequest:
    """Read a request for a model with inputs as in ``specs``.

    Raises:
        TfServingError: malformed, or values that do not fit the dtypes.
    """
    message = json_text.load(body)
    signature = message.get("signature_name", "")
    if not isinstance(signature, str):
        raise TfServingError("'signature_name' must be a string")
    check_signature(signature)
    if ("inputs" in message) == ("instances" in message):
        raise TfServingError("expected one of 'inputs' and 'instances'")
    if "inputs" in message:
        return PredictRequest(_by_name(message["inputs"], specs, "inputs"), rows=False)
    instances = message["instances"]
    if not isinstance(instances, list) or not instances:
        raise TfServingError("'instances' must be a list with at least one value")
    return PredictRequest(_by_name(_columns(instances, specs), specs, "instances"), rows=True)


def encode_response(outputs: Tensors, *, rows: bool) -> bytes:
    """An answer: by rows as ``predictions``, else by columns as ``outputs``; an only output goes without its name.

    Raises:
        TfServingError: an output that the API's JSON cannot hold, or, by rows, outputs without a common batch size.
    """
    prepared = {name: _writable(name, array, base64_only=False) for name, array in outputs.items()}
    values: Any = prepared
    if rows:
        sizes = {array.shape[:1] for array in outputs.values()}
        if len(sizes) != 1 or () in sizes:
            raise TfServingError("outputs without a common batch size cannot go by rows: ask with 'inputs'")
        values = [{name: column[index] for name, column in prepared.items()} for index in range(*sizes.pop())]
    if len(prepared) == 1:
        values = next(iter(prepared.values()))
    return json_text.dump({"predictions" if rows else "outputs": values}, outputs.values())


def decode_response(body: bytes, specs: Sequence[TensorSpec]) -> dict[str, np.ndarray]:
    """Read an answer by columns of a model with outputs as in ``specs``.

    Raises:
        TfServingError: malformed, or values that do not fit the dtypes.
    """
    return _by_name(_outputs(body), specs, "outputs")


def read_response(body: bytes) -> dict[str, np.ndarray]:
    """Read an answer by columns of a model that is not known.

    Numbers come as int64, uint64 or float64, strings as ``bytes``; an only output that has no name is ``UNNAMED``.

    Raises:
        TfServingError: malformed.
    """
    values = _outputs(body)
    named = values if isinstance(values, dict) and not _is_base64(values) else {UNNAMED: values}
    return {name: _guessed(name, value) for name, value in named.items()}


def _outputs(body: bytes) -> Any:
    message = json_text.load(body)
    if "outputs" not in message:
        raise TfServingError("the answer has no 'outputs'")
    return message["outputs"]


def _columns(instances: list[Any], specs: Sequence[TensorSpec]) -> Any:
    if not isinstance(instances[0], dict) or _is_base64(instances[0]):
        return instances
    names = {spec.name for spec in specs}
    for index, row in enumerate(instances):
        if not isinstance(row, dict) or row.keys() != names:
            raise TfServingError(f"item {index} of 'instances' must be an object with {', '.join(sorted(names))}")
    return {name: [row[name] for row in instances] for name in names}


def _by_name(values: Any, specs: Sequence[TensorSpec], key: str) -> dict[str, np.ndarray]:
    if not isinstance(values, dict) or _is_base64(values):
        if len(specs) != 1:
            names = ", ".join(spec.name for spec in specs)
            raise TfServingError(f"{key!r} has values without names, but there are several tensors: {names}")
        values = {specs[0].name: values}
    if missing := [spec.name for spec in specs if spec.name not in values]:
        raise TfServingError(f"{key!r} has no tensor {missing[0]!r}")
    if unknown := values.keys() - {spec.name for spec in specs}:
        raise TfServingError(f"{key!r} has a tensor {min(unknown)!r} that the model does not have")
    return {spec.name: _typed(spec.name, np.dtype(spec.dtype), values[spec.name]) for spec in specs}


def _typed(name: str, dtype: np.dtype, value: Any) -> np.ndarray:
    _check_dtype(name, dtype)
    if dtype.kind == "O":
        value = _strings(name, value)
    shape = _shape(value)
    try:
        flat = lists.from_list(name, oip_datatype(dtype), shape or (1,), value if shape else [value])
    except OipError as error:
        raise TfServingError(str(error)) from error
    return flat.reshape(shape)


def _guessed(name: str, value: Any) -> np.ndarray:
    shape = _shape(value)
    if 0 in shape:
        return np.empty(shape, np.float64)
    first = value
    for _ in shape:
        first = first[0]
    if isinstance(first, str | dict):
        return _typed(name, np.dtype(np.object_), value)
    try:
        found = np.array(value)
    except (ValueError, OverflowError, RecursionError) as error:
        raise TfServingError(f"tensor {name!r} is no array: rows differ in length or type") from error
    if found.dtype.kind not in "biuf":
        raise TfServingError(f"tensor {name!r} is no array of numbers")
    if found.dtype.kind == "f" and type(first) is int:  # numpy makes floats of integers over 2**63
        exact = np.array(value, dtype=np.object_)
        if all(isinstance(element, int) for element in exact.ravel().tolist()):
            return exact.astype(np.uint64)
    return found


def _shape(value: Any) -> tuple[int, ...]:
    """As the API finds it: that of the first element of each list. Whether the others agree is seen later."""
    sizes: list[int] = []
    while isinstance(value, list):
        sizes.append(len(value))
        if not value:
            break
        value = value[0]
    return tuple(sizes)


def _strings(name: str, value: Any) -> Any:
    """The same with base64 objects decoded."""
    if isinstance(value, list):
        return [_strings(name, element) for element in value]
    if not _is_base64(value):
        return value
    try:
        return base64.b64decode(value[_B64], validate=True)
    except (binascii.Error, ValueError) as error:
        raise TfServingError(f"tensor {name!r}: {value[_B64][:40]!r} is not base64") from error


def _is_base64(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {_B64} and isinstance(value[_B64], str)


def _writable(name: str, array: np.ndarray, *, base64_only: bool) -> Any:
    """An array or a number that orjson can write, or nested lists where the elements are strings."""
    _check_dtype(name, array.dtype)
    if array.dtype.kind not in "OSU":
        return np.ascontiguousarray(array) if array.ndim else array[()]
    as_base64 = base64_only or name.endswith(_BYTES_SUFFIX)
    try:
        found = strings.elements(array)
        texts = [{_B64: base64.b64encode(each).decode()} if as_base64 else each.decode() for each in found]
    except OipError as error:
        raise TfServingError(f"tensor {name!r}: {error}") from error
    except UnicodeDecodeError as error:
        raise TfServingError(f"tensor {name!r} holds bytes that are not UTF-8, which JSON cannot") from error
    nested = np.empty(array.shape, np.object_)
    nested.ravel()[:] = texts
    return nested.tolist()


def _check_dtype(name: str, dtype: np.dtype) -> None:
    try:
        datatype = from_numpy(dtype)
    except TfServingError as error:
        raise TfServingError(f"tensor {name!r}: {error}") from error
    if datatype in _WITHOUT_JSON:
        raise TfServingError(f"tensor {name!r}: TensorFlow Serving's JSON has no {dtype}: use its gRPC API")
