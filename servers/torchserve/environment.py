"""Where TorchServe is installed, and the Java that it runs on."""

from __future__ import annotations

import os
import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Final

from exporters.environments import Environment

ENVIRONMENT: Final = Environment("torchserve", Path(__file__).with_name("requirements.txt"), complete=True)
"""TorchServe itself and nothing that it would bring along: its workers run in our own environment."""

_OLDEST_JAVA: Final = 11
_VERSION: Final = re.compile(r'version "(?:1\.)?(\d+)')
_GET_JAVA: Final = "install Java 11 or newer (on Debian: apt-get install openjdk-17-jre-headless)"


def site_packages() -> Path:
    """The folder of the environment's packages."""
    return next((ENVIRONMENT.folder / "lib").glob("python3*/site-packages"))


def java() -> str:
    """The program, as TorchServe itself finds it."""
    home = os.environ.get("JAVA_HOME")
    return f"{home}/bin/java" if home else "java"


def missing() -> str | None:
    """What this machine lacks for TorchServe and how to get it; None when it is all there."""
    if not ENVIRONMENT.installed:
        return "TorchServe is not installed: tailbed install torchserve"
    return _java_missing(java())


@cache
def _java_missing(program: str) -> str | None:
    try:
        said = subprocess.run([program, "-version"], capture_output=True, text=True, errors="replace", timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return f"TorchServe needs Java, and {program} cannot be run: {_GET_JAVA}"
    found = _VERSION.search(said.stderr)
    if found is None:
        return f"TorchServe needs Java, and {program} -version tells none: {_GET_JAVA}"
    if int(found[1]) < _OLDEST_JAVA:
        return f"TorchServe needs Java {_OLDEST_JAVA}, and {program} is Java {found[1]}: {_GET_JAVA}"
    return None
