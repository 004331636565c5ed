"""Environments of other stacks for the tests: installed once, then shared by every test's own home."""

import os
from pathlib import Path

from exporters.environments import Environment
from tests.one_at_a_time import one_at_a_time

KEPT = Path(__file__).parents[1] / "build"
"""A home for environments only, which outlives the tests."""


def provide(environment: Environment) -> None:
    """Have ``environment`` in this test session's home, installed really, but not once a session."""
    with one_at_a_time(environment.name):
        if not environment.installed:
            _link(environment)


def _link(environment: Environment) -> None:
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
