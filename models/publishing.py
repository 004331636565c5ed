"""Folders that appear whole or not at all."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from models.errors import TailbedError


class PublishError(TailbedError):
    """A folder that cannot be written."""


@contextmanager
def published(root: Path, name: str) -> Iterator[Path]:
    """Fill an empty folder that becomes ``root/name`` in one step when the block ends well.

    If the block raises, or is interrupted, what it wrote is removed and ``root/name`` is as it was. Processes that
    publish the same name take turns. What a killed process left behind is removed by the next one to publish it.

    Raises:
        PublishError: the disk does not take it; the block's own ``OSError`` counts as that.
    """
    destination, hidden = root / name, f".{name.replace('/', '.')}"
    staging, replaced = root / f"{hidden}.staging", root / f"{hidden}.replaced"
    try:
        root.mkdir(parents=True, exist_ok=True)
        lock = _lock(staging)
        try:
            _clear(staging, replaced)
            yield staging
            _make_way(destination, replaced)
            # The last step: from here on the next process may hold a staging folder of that name.
            staging.rename(destination)
        except BaseException:
            shutil.rmtree(staging, ignore_errors=True)
            if replaced.exists() and not destination.exists():
                replaced.rename(destination)
            raise
        else:
            shutil.rmtree(replaced, ignore_errors=True)
        finally:
            os.close(lock)
    except OSError as error:
        reason = error.strerror or error
        raise PublishError(
            f"cannot write {destination} ({reason}): make room, or set TAILBED_HOME to another folder"
        ) from error


def _lock(staging: Path) -> int:
    """Make the staging folder and hold it; the descriptor is the lock, which even a killed process gives back.

    Who held it before has renamed or removed it, so the folder that is locked may not be the one of that name.
    """
    while True:
        # Whoever made it may rename it away at any moment.
        with suppress(FileExistsError):
            staging.mkdir()
        try:
            descriptor = os.open(staging, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if os.path.samestat(os.fstat(descriptor), staging.stat()):
                return descriptor
        except FileNotFoundError:
            pass
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _clear(staging: Path, replaced: Path) -> None:
    shutil.rmtree(replaced, ignore_errors=True)
    for entry in staging.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def _make_way(destination: Path, replaced: Path) -> None:
    destination.parent.mkdir(parents=True, exist_ok=True)
    if destination.exists():
        # A folder that is not empty cannot be renamed over.
        destination.rename(replaced)
