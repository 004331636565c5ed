"""Reading probes once a second from a thread that takes no time from anybody."""

from __future__ import annotations

import itertools
import os
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import numpy as np

from servers import ServerProcess
from servers.containers import ContainerProcess
from tailbed.experiment.sampling.container import ContainerUsage
from tailbed.experiment.sampling.cores import Cores
from tailbed.experiment.sampling.gpus import Gpus
from tailbed.experiment.sampling.packages import Packages
from tailbed.experiment.sampling.probe import Probe, Reading
from tailbed.experiment.sampling.process_tree import ProcessTree
from tailbed.experiment.sampling.samples import Samples
from tailbed.experiment.sampling.speed import Speed

_DEAR_EVERY: Final = 10


def probes_of(
    pid: int | None, cores: Iterable[int], server_cores: Iterable[int] = (), root: Path = Path("/")
) -> list[Probe]:
    """All that this machine has for a run: of the server's processes, both sides' cores, processor and GPUs.

    Args:
        pid: the server, where it can be seen.
        cores: those of server and client.
        server_cores: those that are the server's alone: their speed is read, which takes a little of their time.
        root: where ``/proc`` and ``/sys`` are.
    """
    probes: list[Probe] = [Cores(cores, root), Packages(root)]
    if pid is not None:
        probes.append(ProcessTree(pid, root))
    if gpus := Gpus.present():
        probes.append(gpus)
    probes.append(Speed(server_cores))  # last: it may have to wait for a core, and a sample has one time
    return probes


def dear_probes_of(process: ServerProcess) -> list[Probe]:
    """Those of a run that others compute for: of the server's container, where it runs in one that was started."""
    return [ContainerUsage(process.container)] if isinstance(process, ContainerProcess) else []


class Sampler:
    """Reads probes at once when entered, then every ``interval_s``, and a last time when finished or left.

    Probes that are ``dear``, because others compute for them, are read the first and the last time, and between these
    at every tenth sample only.

    Its thread is scheduled as idle (SCHED_IDLE): it runs where nobody else does, and whoever wakes up gets the core at
    once. It may so be late, for which each sample has its own time. What it costs is itself a reading:
    ``cpu_ns`` of ``sampler``, CPU time of the thread so far.
    """

    def __init__(self, probes: Sequence[Probe], interval_s: float = 1.0, *, dear: Sequence[Probe] = ()) -> None:
        self._probes = probes
        self._dear = dear
        self._interval_s = interval_s
        self._rows: list[tuple[int, Reading]] = []
        self._left = threading.Event()
        self._begun = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sampler", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._begun.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.finish()

    def finish(self) -> Samples:
        """Read for the last time, unless that is done, and give all that was read."""
        self._left.set()
        self._thread.join()
        return Samples(
            time_ns=np.array([time_ns for time_ns, _ in self._rows], dtype=np.int64),
            name=np.array([reading.name for _, reading in self._rows], dtype=np.str_),
            subject=np.array([reading.subject for _, reading in self._rows], dtype=np.str_),
            value=np.array([reading.value for _, reading in self._rows], dtype=np.int64),
        )

    def _run(self) -> None:
        try:
            self._sample([*self._probes, *self._dear])
        finally:
            self._begun.set()
        with suppress(OSError):  # a sandbox may forbid it
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))  # of this thread alone
        due = time.monotonic()
        for number in itertools.count(1):
            now = time.monotonic()
            due = max(due + self._interval_s, now)  # a sample that was missed is not made up for
            left = self._left.wait(due - now)
            self._sample([*self._probes, *self._dear] if left or number % _DEAR_EVERY == 0 else self._probes)
            if left:
                return

    def _sample(self, probes: Sequence[Probe]) -> None:
        time_ns = time.monotonic_ns()
        rows = [(time_ns, reading) for probe in probes for reading in probe.read()]
        self._rows += [*rows, (time_ns, Reading("cpu_ns", "sampler", time.thread_time_ns()))]
