"""Requests that TensorFlow Serving computes before it says that a model is available.

Without them a model would plan or compile in its first requests, which other servers do before they are ready. See
"SavedModel Warmup", https://www.tensorflow.org/tfx/serving/saved_model_warmup: a TFRecord file of ``PredictionLog``.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Final

from exporters.artifact import Manifest
from servers.inference.loading import zeros
from servers.tfserving_api import grpc as codec
from servers.tfserving_api import tfserving_pb2 as pb

RECORDS: Final = Path("assets.extra") / "tf_serving_warmup_requests"
"""Where they are looked for, below the version's folder."""

_POLYNOMIAL: Final = 0x82F63B78
"""Of CRC-32C, reflected."""
_MASK_DELTA: Final = 0xA282EAD8
_MOST: Final = 1000
"""More are refused."""


def records(manifest: Manifest, *, max_batch: int) -> bytes:
    """The file: a request of zeros for every batch size that may come, as far as the artifact computes it."""
    sizes = range(1, min(max_batch, _MOST) + 1)
    computed = [size for size in sizes if manifest.batch_sizes is None or size in manifest.batch_sizes]
    return b"".join(_record(_log(manifest, size).SerializeToString()) for size in computed)


def _log(manifest: Manifest, batch: int) -> pb.PredictionLog:
    request = codec.encode_request(manifest.model, {})
    for spec in manifest.inputs:
        request.inputs[spec.name].CopyFrom(codec.encode_repeated(zeros(spec, batch)))
    return pb.PredictionLog(predict_log=pb.PredictLog(request=request))


def _record(data: bytes) -> bytes:
    """A TFRecord: length and data, each followed by its masked checksum."""
    length = struct.pack("<Q", len(data))
    return b"".join((length, _masked(length), data, _masked(data)))


def _masked(data: bytes) -> bytes:
    crc = _crc32c(data)
    return struct.pack("<I", (((crc >> 15) | (crc << 17)) + _MASK_DELTA) & 0xFFFFFFFF)


def _crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (_POLYNOMIAL if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF
