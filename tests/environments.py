"""Environments of other stacks for the tests: installed once, then shared by every test's own home."""

import os
from pathlib import Path

from exporters.environments import Environment

KEPT = Path(__file__).parents[1] / "build"
"""A home for environments only, which outlives the tests."""


def provide(environment: Environment) -> None:
    """Have ``environment`` in this test session's home, installed really, but not once a session."""
    if environment.installed:
        return
    home = os.environ["TAILBED_HOME"]
    os.environ["TAILBED_HOME"] = str(KEPT)
    try:
        if not environment.installed:
            environment.install(lambda _: None)
        kept = environment.folder
    finally:
        os.environ["TAILBED_HOME"] = home
    environment.folder.parent.mkdir(parents=True, exist_ok=True)
    environment.folder.symlink_to(kept)
