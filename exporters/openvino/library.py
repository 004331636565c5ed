"""OpenVINO and NNCF, imported so that they send nothing and print nothing."""

from __future__ import annotations

import logging
import sys
from importlib import import_module
from typing import Any


def openvino() -> Any:
    """The package ``openvino``, with its telemetry off."""
    _no_telemetry()
    return import_module("openvino")


def nncf() -> Any:
    """The package ``nncf``, with its telemetry off and its log at errors."""
    _no_telemetry()
    package = import_module("nncf")
    logging.getLogger("nncf").setLevel(logging.ERROR)
    return package


def _no_telemetry() -> None:
    # Both report to a server on the network unless the user's home folder has a file that declines it; importing them
    # leaves an identifier there. With this package out of reach they take stubs that do nothing.
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
