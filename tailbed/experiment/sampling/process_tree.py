"""CPU time, memory and threads of a process and its descendants."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from tailbed.experiment.sampling.probe import Reading

_TICK_NS: Final = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")


class ProcessTree:
    """``server``: ``cpu_ns``, ``memory_bytes`` and ``threads``, each the sum over its processes; see proc(5).

    CPU time is that of the living ones and of their children that have ended and were waited for, in steps of 10 ms.
    Memory is resident, and what processes share counts in each of them.
    """

    def __init__(self, pid: int, root: Path = Path("/")) -> None:
        self._pid = pid
        self._proc = root / "proc"

    def read(self) -> Iterable[Reading]:
        """See ``Probe``. Nothing once the process has ended, nor on a kernel that does not tell children."""
        try:
            pids = list(self._tree())
        except OSError:
            return ()
        cpu_ticks = pages = threads = 0
        for pid in pids:
            try:
                stat = (self._proc / str(pid) / "stat").read_bytes()
            except OSError:  # ended since
                continue
            fields = stat.rpartition(b")")[2].split()  # the name before may hold anything; field 3 is the first here
            cpu_ticks += sum(map(int, fields[11:15]))  # utime, stime, cutime, cstime
            threads += int(fields[17])
            pages += int(fields[21])
        if not threads:
            return ()
        return (
            Reading("cpu_ns", "server", cpu_ticks * _TICK_NS),
            Reading("memory_bytes", "server", pages * _PAGE_BYTES),
            Reading("threads", "server", threads),
        )

    def _tree(self) -> Iterator[int]:
        """The process, its children, their children and so on.

        By asking the threads of each for its children: a look at all processes would cost more with each that runs.
        """
        pids = [self._pid]
        for pid in pids:
            yield pid
            tasks = self._proc / str(pid) / "task"
            try:
                threads = os.listdir(tasks)  # noqa: PTH208  # names are enough
            except OSError:
                if pid == self._pid:
                    raise
                continue
            for thread in threads:
                try:
                    pids += map(int, (tasks / thread / "children").read_bytes().split())
                except OSError:  # the thread has ended since; but the first one tells whether there are such files
                    if thread == str(self._pid):
                        raise
