"""The handler in archives for TorchServe where tailbed is not installed, such as in its official image.

It computes TorchScript, takes and answers what ``handler.py`` does and says the same of errors, with PyTorch and Python
3.8's own library only. It reads and writes safetensors itself ("Format", https://huggingface.co/docs/safetensors).
TorchServe takes the one class of this file for it.
"""

from __future__ import annotations

import ctypes
import json
import logging
import os
import struct
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

CONTENT_TYPE = "application/octet-stream"
DATA, DESCRIBE = "data", "describe"
_BODY = "body"

_DTYPES = {
    "BOOL": torch.bool,
    "F16": torch.float16,
    "F32": torch.float32,
    "F64": torch.float64,
    "I16": torch.int16,
    "I32": torch.int32,
    "I64": torch.int64,
    "I8": torch.int8,
    "U8": torch.uint8,
}
_NAMES = {dtype: name for name, dtype in _DTYPES.items()}
_LENGTH = struct.Struct("<Q")

if TYPE_CHECKING:  # Python 3.8 has no such types
    from collections.abc import Mapping, Sequence

    Tensors = dict[str, torch.Tensor]
    Answer = Tensors | bytes | Exception
    """Tensors to compute on or computed ones; an answer without any; a ``ValueError`` that the client is to blame for,
    or another failure."""


class Handler:
    """Computes the artifact that the archive holds on requests and answers in safetensors."""

    def initialize(self, context: Any) -> None:
        """Load the artifact with the archive's own configuration, and let it answer once for every size of batch.

        Raises:
            SystemExit: it cannot be loaded, and the log says why in one line.
        """
        try:
            self._load(context)
        except Exception as error:
            logging.error("cannot load the model: %s", _told(error))
            raise SystemExit(1) from error

    def handle(self, rows: Sequence[Mapping[str, Any]], context: Any) -> list[bytes]:
        """Answer the requests of one batch, in their order.

        Raises:
            PredictionException: one that came over gRPC cannot be answered; TorchServe has no way to say so of one
                alone, and gives the error to all that are with it.
        """
        found: list[Answer] = [self._read(row, index, context) for index, row in enumerate(rows)]
        for indices in _alike(found):
            computed = self._together([found[index] for index in indices])  # type: ignore[misc]  # these are tensors
            for index, answer in zip(indices, computed):
                found[index] = answer
        return [self._answer(answer, rows[index], index, context) for index, answer in enumerate(found)]

    def _load(self, context: Any) -> None:
        folder = Path(context.system_properties["model_dir"])
        settings = context.model_yaml_config["handler"]
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        self._inputs, self._outputs = manifest["inputs"], manifest["outputs"]
        torch.set_num_threads(settings["threads"])
        if torch.get_num_interop_threads() != 1:
            torch.set_num_interop_threads(1)
        self._device = "cpu"
        if settings["device"] != "cpu":
            self._device = "cuda:{}".format(context.system_properties["gpu_id"])
            # Convolutions would otherwise round their float32 inputs to 10 bits of mantissa.
            torch.backends.cudnn.allow_tf32 = False
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of TorchScript as a whole
            self._module = torch.jit.load(str(folder / manifest["file"]), map_location=self._device)
        for size in range(1, settings["max_batch"] + 1):
            computed = self._compute({spec["name"]: _zeros(spec, size) for spec in self._inputs})
            _check(self._outputs, computed)
        described = json.loads((folder / "described.json").read_text(encoding="utf-8"))
        described["parameters"].update(self._facts())
        self._described = json.dumps(described).encode()

    def _facts(self) -> dict[str, str]:
        return {
            "torch": str(torch.__version__),
            "device": self._device,
            "intra_op_threads": str(torch.get_num_threads()),
            "inter_op_threads": str(torch.get_num_interop_threads()),
            "intra_op_spinning": "off" if os.environ.get("OMP_WAIT_POLICY", "").upper() == "PASSIVE" else "on",
        }

    def _read(self, row: Mapping[str, Any], index: int, context: Any) -> Answer:
        if DESCRIBE in row or context.get_request_header(index, DESCRIBE) == "True":
            return self._described
        body = row.get(_BODY, row.get(DATA))
        try:
            if not isinstance(body, (bytes, bytearray)):
                raise ValueError("expected safetensors: as the body over REST, as the input 'data' over gRPC")
            tensors = decode(body)
            _check(self._inputs, tensors)
        except ValueError as error:
            return error
        return tensors

    def _together(self, requests: list[Tensors]) -> list[Answer]:
        if len(requests) > 1:
            try:
                return list(_split(self._compute(_join(requests)), [_items(each) for each in requests]))
            except Exception as error:  # noqa: BLE001  # PyTorch raises anything, and one request may be to blame
                logging.warning(
                    "a batch of %d requests failed, each is computed alone: %s", len(requests), _told(error)
                )
        return [self._alone(each) for each in requests]

    def _alone(self, request: Tensors) -> Answer:
        try:
            return self._compute(request)
        except Exception as error:  # noqa: BLE001  # as above
            return RuntimeError(f"the runtime failed: {_told(error)}")

    def _compute(self, inputs: Tensors) -> Tensors:
        with torch.inference_mode():
            results = self._module(*(inputs[spec["name"]].to(self._device) for spec in self._inputs))
            if isinstance(results, torch.Tensor):
                results = (results,)
            if len(results) != len(self._outputs):
                raise RuntimeError(f"{len(results)} outputs, expected {len(self._outputs)}")
            return {spec["name"]: result.cpu() for spec, result in zip(self._outputs, results)}

    def _answer(self, answer: Answer, row: Mapping[str, Any], index: int, context: Any) -> bytes:
        if isinstance(answer, bytes):
            return answer
        if not isinstance(answer, Exception):
            context.set_response_content_type(index, CONTENT_TYPE)
            return encode(answer)
        code = 400 if isinstance(answer, ValueError) else 500
        if DATA in row or _BODY not in row:
            from ts.utils.util import PredictionException  # only a worker has it

            raise PredictionException(str(answer), code)
        context.set_response_status(code, "Bad Request" if code == 400 else "Internal Server Error", index)
        context.set_response_content_type(index, "application/json")
        return json.dumps({"code": code, "type": "PredictionException", "message": str(answer)}).encode()


def decode(body: bytes | bytearray) -> Tensors:
    """Read safetensors.

    Raises:
        ValueError: it is not that, or has a dtype that is not known here.
    """
    view = memoryview(body)
    try:
        (length,) = _LENGTH.unpack_from(view)
        if length > len(view) - _LENGTH.size:
            raise ValueError("its header is longer than all of it")
        header = json.loads(bytes(view[_LENGTH.size : _LENGTH.size + length]))
        header.pop("__metadata__", None)
        data = view[_LENGTH.size + length :]
        return {name: _tensor(name, entry, data) for name, entry in header.items()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, struct.error) as error:
        raise ValueError(f"not safetensors: {_line(error)}") from None


def encode(tensors: Tensors) -> bytes:
    """Tensors on the CPU as safetensors."""
    header, parts, end = {}, [], 0
    for name, tensor in tensors.items():
        whole = tensor.contiguous()
        size = whole.numel() * whole.element_size()
        header[name] = {"dtype": _NAMES[whole.dtype], "shape": list(whole.shape), "data_offsets": [end, end + size]}
        parts.append(ctypes.string_at(whole.data_ptr(), size) if size else b"")
        end += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)  # what follows is aligned
    return b"".join((_LENGTH.pack(len(text)), text, *parts))


def _tensor(name: str, entry: Mapping[str, Any], data: memoryview) -> torch.Tensor:
    dtype, shape, (start, end) = _DTYPES.get(entry["dtype"]), entry["shape"], entry["data_offsets"]
    if dtype is None:
        raise ValueError(f"tensor {name!r} has dtype {entry['dtype']}")
    count = 1
    for length in (*shape, start):
        if type(length) is not int or length < 0:
            raise ValueError(f"tensor {name!r}: {length!r} is no length")
    for length in shape:
        count *= length
    size = torch.empty((), dtype=dtype).element_size()
    if end - start != count * size or end > len(data):
        raise ValueError(f"tensor {name!r} of shape {shape} has no {count * size} bytes")
    if not count:
        return torch.empty(shape, dtype=dtype)
    # A copy: a request's own bytes may be read-only, or at any address.
    return torch.frombuffer(bytearray(data[start:end]), dtype=dtype).reshape(shape)


def _check(specs: Sequence[Mapping[str, Any]], tensors: Tensors) -> None:
    names = {spec["name"] for spec in specs}
    missing, unknown = names - tensors.keys(), tensors.keys() - names
    if missing:
        raise ValueError(f"missing tensor {', '.join(map(repr, sorted(missing)))}")
    if unknown:
        raise ValueError(
            f"unknown tensor {', '.join(map(repr, sorted(unknown)))}: the model has {', '.join(sorted(names))}"
        )
    for spec in specs:
        name, want, tensor = spec["name"], spec["shape"], tensors[spec["name"]]
        dtype = str(tensor.dtype).replace("torch.", "", 1)  # as numpy calls it
        if dtype != spec["dtype"]:
            raise ValueError(f"tensor {name!r} has dtype {dtype}, expected {spec['dtype']}")
        have = list(tensor.shape)
        if len(have) != len(want) or any(not isinstance(one, str) and one != other for one, other in zip(want, have)):
            raise ValueError(f"tensor {name!r} has shape {have}, expected [{', '.join(map(str, want))}]")
    sizes = {tensors[spec["name"]].shape[0] for spec in specs if spec["shape"] and isinstance(spec["shape"][0], str)}
    if len(sizes) > 1:
        raise ValueError(f"tensors have different batch sizes: {sorted(sizes)}")


def _zeros(spec: Mapping[str, Any], batch: int) -> torch.Tensor:
    shape = [(1 if axis else batch) if isinstance(size, str) else size for axis, size in enumerate(spec["shape"])]
    return torch.zeros(shape, dtype=getattr(torch, spec["dtype"]))


def _alike(answers: list[Answer]) -> list[list[int]]:
    """The places of requests that can be joined: all inputs have the same lengths but for the batch axis."""
    groups: dict[tuple[Any, ...], list[int]] = {}
    for index, answer in enumerate(answers):
        if isinstance(answer, dict):
            shapes = tuple(sorted((name, tuple(tensor.shape[1:])) for name, tensor in answer.items()))
            groups.setdefault(shapes, []).append(index)
    return list(groups.values())


def _items(request: Tensors) -> int:
    return len(next(iter(request.values())))


def _join(requests: list[Tensors]) -> Tensors:
    return {name: torch.cat([each[name] for each in requests]) for name in requests[0]}


def _split(outputs: Tensors, sizes: list[int]) -> list[Tensors]:
    for name, tensor in outputs.items():
        if len(tensor) != sum(sizes):
            raise ValueError(f"output {name!r} has {len(tensor)} entries for a batch of {sum(sizes)} items")
    parts = {name: tensor.split(sizes) for name, tensor in outputs.items()}
    return [{name: parts[name][index] for name in outputs} for index in range(len(sizes))]


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {_line(error)}"


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
