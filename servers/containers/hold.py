"""One at a time: who measures services or prepares them has them alone."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from servers.containers.service import ServicesError, services_folder


@contextmanager
def hold_services() -> Iterator[None]:
    """Have all services alone, in whatever container of the machine others want them.

    Servers that two experiments load, stop or put back, or that get other files meanwhile, are measured wrong. The lock
    is on the folder of all services, which may be mounted read-only, and even a killed process gives it back. Where the
    file system has no such locks, as one over a network, nothing is held.

    Raises:
        ServicesError: somebody else has them.
        OSError: there is no such folder.
    """
    folder = services_folder()
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(OSError):
            _lock(descriptor)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ServicesError(
            f"{services_folder()}: another tailbed bench or prepare has the services: wait for its end"
        ) from None
