"""Running the engine as users of its process do: a folder with a plan in, records out."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from loadtest import records
from loadtest.arrivals import schedule
from loadtest.plan import LoadPlan, write_plan
from loadtest.records import Records
from loadtest.scenario import OpenLoop

ITEMS = 8
INPUTS = np.arange(ITEMS * 4, dtype=np.float32).reshape(ITEMS, 4)
"""The pool's only input, ``x``; the known output ``y`` is twice that."""


def make_plan(folder: Path, url: str, **fields: Any) -> LoadPlan:
    """A plan with a pool of inputs and known outputs beside it."""
    np.savez(folder / "pool.npz", **{"inputs/x": INPUTS, "outputs/y": 2 * INPUTS})
    protocol = "oip-grpc" if url.startswith("grpc") else "oip-http"
    defaults = {"model": "double", "warmup_s": 0, "duration_s": 1, "timeout_s": 5}
    return LoadPlan(protocol=protocol, url=url, pool=folder / "pool.npz", **defaults | fields)


class Engine:
    """A running engine."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self.process = process
        self.folder = folder

    def event(self) -> dict[str, Any]:
        """The next event that it prints."""
        return json.loads(self.process.stdout.readline())

    def tell(self, **command: object) -> None:
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()

    def records(self) -> Records:
        """Wait for its end and read what it wrote."""
        events = [json.loads(line) for line in self.process.stdout]
        assert self.process.wait() == 0, events
        assert not (self.folder / "records.spool").exists()
        return records.read(self.folder / records.NAME)


@contextmanager
def running(folder: Path, plan: LoadPlan, *options: str) -> Iterator[Engine]:
    """Start an engine; kill it at the end if it still runs."""
    write_plan(folder, plan)
    argv = [sys.executable, "-m", "loadtest.engine", str(folder), *options]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Engine(process, folder)
        finally:
            process.kill()


def measure(folder: Path, url: str, **fields: Any) -> Records:
    """Run a plan to its end."""
    with running(folder, make_plan(folder, url, **fields)) as engine:
        return engine.records()


def assert_one_row_each(found: Records, scenario: OpenLoop, length_s: float, seed: int = 0) -> None:
    """Exactly one row for each arrival of the schedule, at its time, whatever became of it."""
    expected = schedule(scenario, length_s=length_s, seed=seed)
    start_ns = found.facts.window_end_ns - round(length_s * 1e9)
    assert np.array_equal(found.intended_ns - start_ns, expected)
    assert (found.done_ns >= found.intended_ns).all()
    sent = found.sent_ns > 0
    assert (found.sent_ns[sent] >= found.intended_ns[sent]).all()
    assert (found.done_ns[sent] >= found.sent_ns[sent]).all()
    assert np.array_equal(found.input_index, np.arange(len(expected)) % ITEMS)


def most_at_once(found: Records) -> int:
    """The largest number of requests that were out at the same time."""
    # An end before a start at the same time: a client sends when its last answer is there.
    moments = sorted([(time, 1) for time in found.sent_ns.tolist()] + [(time, -1) for time in found.done_ns.tolist()])
    return int(np.cumsum([change for _, change in moments]).max(initial=0))


def command_of(process: psutil.Process) -> list[str]:
    """The command line of a process; empty where it has ended in the meantime, awaited by its parent or not."""
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:  # a zombie is one of these too
        return []
