"""Where tailbed keeps what it makes once: trained weights and exported artifacts."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def home() -> Path:
    """The folder of weights and artifacts: ``$TAILBED_HOME``, or the user's cache folder for tailbed."""
    chosen = os.environ.get("TAILBED_HOME")
    return Path(chosen).expanduser() if chosen else platformdirs.user_cache_path("tailbed")
