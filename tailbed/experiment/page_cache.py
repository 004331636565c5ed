"""The page cache: which files a server reads, and dropping them from it without a privilege."""

from __future__ import annotations

import ctypes
import mmap
import os
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import psutil

from servers import ServerError

_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_PYTHON: Final = re.compile(r"(.*/lib(?:64)?/python[\d.]+)/")
_IMPORTED: Final = (".py", ".pyc")
_MB: Final = 1e6


@dataclass(frozen=True)
class Dropped:
    """What one drop did.

    Attributes:
        before_bytes: of the files, what was in the page cache.
        left_bytes: what is still there.
        unseen_bytes: size of files of another user that this one may not write: the system does not say of them.
    """

    before_bytes: int
    left_bytes: int
    unseen_bytes: int

    def __str__(self) -> str:
        dropped, before = (self.before_bytes - self.left_bytes) / _MB, self.before_bytes / _MB
        words = f"{dropped:.1f} of {before:.1f} MB dropped"
        if self.left_bytes:
            words += "; the rest is mapped by other processes, or has no disk below it"
        if self.unseen_bytes:
            words += f"; asked for {self.unseen_bytes / _MB:.1f} MB more of another user, where it is not seen"
        return words


def files_of(pid: int) -> frozenset[Path]:
    """The files that a process and its descendants read, as far as can be seen from outside.

    These are the files that they have mapped (interpreter, libraries, memory-mapped weights) or open, and the source
    and byte code of every Python installation from which one of them is mapped: an imported module is read and closed,
    so all modules of that installation count, of which only those that are cached matter. Not seen: other files that
    were read and closed.

    Raises:
        ServerError: the process has ended, or is not this user's.
    """
    try:
        process = psutil.Process(pid)
        paths = _held_by(process).union(*map(_held_by, process.children(recursive=True)))
    except psutil.Error as error:
        raise ServerError(f"cannot see which files the server reads: {error}") from error
    installations = {match[1] for match in map(_PYTHON.match, paths) if match}
    return frozenset(map(Path, paths)).union(*map(modules_below, sorted(installations)))


def modules_below(folder: str) -> frozenset[Path]:
    """Python source and byte code in a folder and below it."""
    return frozenset(
        Path(where, name) for where, _, names in os.walk(folder) for name in names if name.endswith(_IMPORTED)
    )


def _held_by(process: psutil.Process) -> frozenset[str]:
    """What a process has mapped or open; not what is no file on a disk."""
    held = (*(mapped.path for mapped in process.memory_maps()), *(file.path for file in process.open_files()))
    return frozenset(
        path for path in held if path.startswith("/") and not path.startswith(("/dev/", "/proc/", "/sys/"))
    )


def drop(files: Iterable[Path]) -> Dropped:
    """Write files back and drop their pages from the page cache, by ``POSIX_FADV_DONTNEED``.

    Pages that any process has mapped stay, and so does everything on a file system in memory. What a hypervisor's
    host or the disk caches is out of reach, and names and inodes stay cached too.
    """
    before = left = unseen = 0
    for descriptor, size in _opened(files):
        if not _may_see(descriptor):
            unseen += size
        elif not (cached := cached_bytes(descriptor, size)):
            continue
        else:
            before += cached
        os.fsync(descriptor)  # dirty pages would stay
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        if _may_see(descriptor):
            left += cached_bytes(descriptor, size)
    return Dropped(before, left, unseen)


def cached_bytes(descriptor: int, size: int) -> int:
    """Bytes of a file that are in the page cache, in whole pages but for the last, by mincore(2)."""
    pages = np.empty(-(-size // mmap.PAGESIZE), dtype=np.uint8)
    with mmap.mmap(descriptor, size, prot=mmap.PROT_READ) as mapped:  # reserves addresses and reads nothing
        address = np.frombuffer(mapped, dtype=np.uint8).ctypes.data
        if _LIBC.mincore(ctypes.c_void_p(address), ctypes.c_size_t(size), ctypes.c_void_p(pages.ctypes.data)):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return min(size, int(np.count_nonzero(pages & 1)) * mmap.PAGESIZE)


def _opened(files: Iterable[Path]) -> Iterator[tuple[int, int]]:
    """Descriptor and size of each file that is there, is not empty and may be read; one file at a time."""
    for path in files:
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        except OSError:
            continue
        try:
            status = os.fstat(descriptor)
            if stat.S_ISREG(status.st_mode) and status.st_size:
                yield descriptor, status.st_size
        finally:
            os.close(descriptor)


def _may_see(descriptor: int) -> bool:
    """Whether mincore tells this user the truth about a file; of others it says that all is there (since Linux 5.2)."""
    status = os.fstat(descriptor)
    return os.geteuid() in (0, status.st_uid) or os.access(f"/proc/self/fd/{descriptor}", os.W_OK)
