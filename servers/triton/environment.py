"""Where Triton is installed."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from exporters.environments import Environment

ENVIRONMENT: Final = Environment("triton", Path(__file__).with_name("requirements.txt"), complete=True)
"""NVIDIA's wheel with the server, and nothing that it would bring along: only its binaries are run."""
