"""TensorFlow Serving's own Python stubs, in an environment for tests: they ask for the whole of TensorFlow."""

import os
import subprocess
import sys
from pathlib import Path

from exporters.environments import Environment
from tests.environments import provide

STUBS = Environment("tfserving-stubs", Path(__file__).with_suffix(".txt").with_stem("tfserving-stubs"), complete=True)
_PROGRAM = Path(__file__).with_name("tfserving_official.py")


def site_packages() -> Path:
    """Where the stubs are."""
    provide(STUBS)
    (found,) = STUBS.folder.glob("lib/python*/site-packages")
    return found


def official(*arguments: object) -> str:
    """What ``tfserving_official.py`` prints, run with the stubs in a process of their own."""
    done = subprocess.run(
        [sys.executable, str(_PROGRAM), *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(site_packages())},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
