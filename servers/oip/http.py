"""The protocol over HTTP: JSON, and the binary tensor extension that puts tensors behind the JSON as raw bytes.

With the extension, the header ``Inference-Header-Content-Length`` says how many bytes of the body are JSON, and a
tensor has the parameter ``binary_data_size`` in place of ``data``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import orjson

from models import Tensors
from servers.oip import fields, tensors
from servers.oip.datatypes import from_numpy
from servers.oip.errors import OipError
from servers.oip.message import VERSION, InferRequest, InferResponse, add

JSON_SIZE_HEADER: Final = "Inference-Header-Content-Length"
EXTENSIONS: Final = ("binary_tensor_data",)
"""What a server answers that speaks the extension."""


@dataclass(frozen=True, slots=True)
class HttpMessage:
    """A body as it goes over the wire.

    Attributes:
        body: JSON, followed by the raw bytes of binary tensors.
        json_size: how many bytes of it are JSON; None when all are.
    """

    body: bytes
    json_size: int | None = None

    @property
    def headers(self) -> dict[str, str]:
        """The headers that describe the body."""
        if self.json_size is None:
            return {"Content-Type": "application/json"}
        return {"Content-Type": "application/octet-stream", JSON_SIZE_HEADER: str(self.json_size)}


def parse_json_size(header: str | None) -> int | None:
    """The value of ``Inference-Header-Content-Length``; None when the header is not there.

    Raises:
        OipError: the value is no number of bytes.
    """
    if header is None:
        return None
    if not (header.isascii() and header.isdigit() and len(header) < 19):
        raise OipError(f"{JSON_SIZE_HEADER} is {header[:40]!r}, expected a number of bytes")
    return int(header)


def encode_request(inputs: Tensors, *, binary: bool = True, outputs: Collection[str] = (), id: str = "") -> HttpMessage:
    """A request for ``outputs`` (all when empty), with its tensors and its answer as binary data or as JSON.

    Raises:
        OipError: a tensor that the protocol or JSON cannot hold.
    """
    header: dict[str, Any] = {"id": id} if id else {}
    if outputs:
        header["outputs"] = [{"name": name, "parameters": {"binary_data": binary}} for name in outputs]
    elif binary:
        header["parameters"] = {"binary_data_output": True}
    return _encode(header, "inputs", inputs, lambda _: binary)


def encode_response(
    model: str, outputs: Tensors, *, binary: Callable[[str], bool], version: str = VERSION, id: str = ""
) -> HttpMessage:
    """A model's answer; ``binary`` says of an output's name whether it goes as binary data.

    Raises:
        OipError: a tensor that the protocol or JSON cannot hold.
    """
    header: dict[str, Any] = {"model_name": model, "model_version": version}
    if id:
        header["id"] = id
    return _encode(header, "outputs", outputs, binary)


def decode_request(body: bytes, json_size: int | None) -> InferRequest:
    """Read a request.

    Raises:
        OipError: malformed, truncated, inconsistent, or asking for what we do not have.
    """
    header, raw = _split(body, json_size)
    wanted: dict[str, bool] = {}
    binary_output = fields.flag(fields.parameters(header, "the request"), "binary_data_output", default=False)
    for entry in fields.entries(header, "outputs", required=False):
        name, parameters = fields.name(entry), fields.parameters(entry, f"output {fields.name(entry)!r}")
        for unsupported in parameters.keys() & {"classification", "shared_memory_region"}:
            raise OipError(f"output {name!r}: {unsupported} is not supported")
        if name in wanted:
            raise OipError(f"output {name!r} is asked for twice")
        wanted[name] = fields.flag(parameters, "binary_data", default=binary_output)
    inputs = _decode_tensors(header, "inputs", raw)
    return InferRequest(inputs, wanted, binary_output, fields.text(header, "id"))


def decode_response(body: bytes, json_size: int | None) -> InferResponse:
    """Read an answer.

    Raises:
        OipError: malformed, truncated or inconsistent.
    """
    header, raw = _split(body, json_size)
    outputs = _decode_tensors(header, "outputs", raw)
    model, version, id = (fields.text(header, key) for key in ("model_name", "model_version", "id"))
    return InferResponse(model, outputs, version, id)


def _encode(header: dict[str, Any], key: str, arrays: Tensors, binary: Callable[[str], bool]) -> HttpMessage:
    entries: list[dict[str, Any]] = []
    raw: list[bytes] = []
    for name, array in arrays.items():
        entry: dict[str, Any] = {"name": name, "shape": array.shape, "datatype": from_numpy(array.dtype)}
        if binary(name):
            data = tensors.to_raw(array)
            entry["parameters"] = {"binary_data_size": len(data)}
            raw.append(data)
        else:
            entry["data"] = tensors.to_json(name, array)
        entries.append(entry)
    header[key] = entries
    text = orjson.dumps(header, option=orjson.OPT_SERIALIZE_NUMPY)
    return HttpMessage(b"".join((text, *raw)), len(text)) if raw else HttpMessage(text)


def _split(body: bytes, json_size: int | None) -> tuple[dict[str, Any], memoryview]:
    size = len(body) if json_size is None else json_size
    if size > len(body):
        raise OipError(f"{JSON_SIZE_HEADER} is {size}, but the body has only {len(body)} bytes")
    view = memoryview(body)
    return fields.load(view[:size]), view[size:]


def _decode_tensors(header: dict[str, Any], key: str, raw: memoryview) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    offset = 0
    for entry in fields.entries(header, key, required=True):
        name = fields.name(entry)
        size = fields.parameters(entry, f"tensor {name!r}").get("binary_data_size")
        if size is None:
            if "data" not in entry:
                raise OipError(f"tensor {name!r} has neither data nor the parameter binary_data_size")
            add(found, name, tensors.from_list(name, entry.get("datatype"), entry.get("shape"), entry["data"]))
            continue
        if type(size) is not int or size < 0:
            raise OipError(f"tensor {name!r}: binary_data_size is {size!r}, expected a number of bytes")
        if size > len(raw) - offset:
            raise OipError(f"tensor {name!r}: binary_data_size is {size}, but only {len(raw) - offset} bytes are left")
        data = raw[offset : offset + size]
        add(found, name, tensors.from_raw(name, entry.get("datatype"), entry.get("shape"), data))
        offset += size
    if offset != len(raw):
        raise OipError(f"{len(raw) - offset} bytes follow the last binary tensor")
    return found
