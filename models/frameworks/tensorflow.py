"""TensorFlow, imported without its messages."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

from models.frameworks.native_log import without_lines

_BEFORE_ITS_LOG_LEVEL_HOLDS = (
    r"WARNING: All log messages before absl::InitializeLog\(\) is called are written to STDERR",
    r"I0000 .* port\.cc:\d+\] oneDNN custom operations are on",
)
"""What TensorFlow 2.21 writes while its libraries are loaded, whatever TF_CPP_MIN_LOG_LEVEL says."""


def tensorflow() -> Any:
    """The package ``tensorflow``. Everything that imports it, and Keras on it, comes here first.

    It sets, for this process and its children and where the environment does not say otherwise:

    - ``TF_CPP_MIN_LOG_LEVEL=3``: TensorFlow tells its errors by exceptions too.
    - ``TF_ENABLE_ONEDNN_OPTS=1``: on most processors this is the default; said explicitly it is the same on all.
    - ``KERAS_BACKEND=tensorflow``.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    with without_lines(*_BEFORE_ITS_LOG_LEVEL_HOLDS):
        return import_module("tensorflow")


def onednn_enabled() -> bool:
    """Whether TensorFlow computes with oneDNN's operations, as ``tensorflow()`` has set it."""
    return os.environ.get("TF_ENABLE_ONEDNN_OPTS", "1").lower() not in ("0", "false")
