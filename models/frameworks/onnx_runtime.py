"""ONNX Runtime, imported so that it sends nothing."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any


def onnxruntime() -> Any:
    """The package ``onnxruntime``, with its telemetry off unless the user has chosen otherwise.

    Its official builds otherwise start a thread that reports to a server on the network, keep an identifier in the
    user's cache, and leave a file in the folder for temporary ones; on its import already, which reads the variable.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    return import_module("onnxruntime")
