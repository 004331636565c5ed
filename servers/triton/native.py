"""Triton's backends that compute a format themselves, without Python.

The names are of their documentation at https://github.com/triton-inference-server: ``onnxruntime_backend``,
``pytorch_backend``, ``tensorflow_backend``, ``openvino_backend`` and ``tensorrt_backend``. NVIDIA's wheel has none of
them, its container image has most.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from exporters.artifact import Manifest
from servers.triton.installation import Installation


@dataclass(frozen=True)
class NativeBackend:
    """One backend and one format.

    Attributes:
        name: the backend's, and that of its folder.
        platform: what the configuration calls backend and format together, where it has a name for both.
        file: what the artifact's file is called in the folder of a version; None where that is to hold its files.
        threads: the parameter with the threads of one operator, where there is one.
        parameters: those that are always the same: one operator at a time, as in our own servers.
    """

    name: str
    platform: str
    file: str | None
    threads: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)


# PyTorch's backend takes tensors in the order of the configuration where their names do not end in numbers.
_NATIVE: Final[Mapping[str, NativeBackend]] = {
    "onnx": NativeBackend(
        "onnxruntime", "onnxruntime_onnx", "model.onnx", "intra_op_thread_count", {"inter_op_thread_count": "1"}
    ),
    "torchscript": NativeBackend(
        "pytorch", "pytorch_libtorch", "model.pt", "INTRA_OP_THREAD_COUNT", {"INTER_OP_THREAD_COUNT": "1"}
    ),
    "savedmodel": NativeBackend(
        "tensorflow",
        "tensorflow_savedmodel",
        "model.savedmodel",
        "TF_NUM_INTRA_THREADS",
        {"TF_NUM_INTER_THREADS": "1"},
    ),
    "openvino": NativeBackend("openvino", "", None, "INFERENCE_NUM_THREADS", {"NUM_STREAMS": "1"}),
    "tensorrt": NativeBackend("tensorrt", "tensorrt_plan", "model.plan"),
}


def native_for(format: str, installation: Installation | None) -> NativeBackend | None:
    """The installation's own backend for a format; None where it has none."""
    native = _NATIVE.get(format)
    return native if native is not None and installation is not None and installation.has(native.name) else None


def native_backend(manifest: Manifest, installation: Installation | None) -> NativeBackend | None:
    """The same for an artifact. One that computes certain batch sizes only is left to Python, which joins them."""
    return None if manifest.batch_sizes else native_for(manifest.format, installation)
