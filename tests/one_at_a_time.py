"""What only one of several test processes is to do, since they share the home in which it ends up."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def one_at_a_time(name: str) -> Iterator[None]:
    """Wait until no other process of this test session is in a block of this name."""
    folder = Path(os.environ["TAILBED_HOME"]) / "locks"
    folder.mkdir(exist_ok=True)
    with (folder / name.replace("/", "-")).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
