"""Child processes that never outlive this one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from servers.errors import ProcessError

_SUPERVISOR = Path(__file__).with_name("supervisor.py")
_MARGIN_S = 5.0
_POLL_S = 0.05


class SupervisedProcess:
    """A child under a supervisor (see ``supervisor.py``): it and all its descendants end when this process ends.

    Attributes:
        pid: process id of the child itself, 0 where it could not be started.
        started_ns: CLOCK_MONOTONIC just before the child's exec.
        log: where its output goes.
    """

    def __init__(self, supervisor: subprocess.Popen[bytes], pid: int, started_ns: int, log: Path) -> None:
        self._supervisor = supervisor
        self.pid: int | None = pid
        self.started_ns = started_ns
        self.log = log

    @classmethod
    def start(
        cls,
        argv: Sequence[str],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        cores: tuple[int, ...] | None = None,
        nice: int | None = None,
        leftovers: tuple[str, ...] = (),
        abandoned: tuple[str, ...] = (),
    ) -> Self:
        """Start ``argv`` in a session of its own, its output in ``log``, which is written anew.

        Args:
            argv: the command line.
            log: file for standard output and standard error.
            env: variables added to this process's environment.
            cwd: working folder; this process's by default.
            cores: CPU cores that it may run on; all that this process may use by default.
            nice: niceness of it and its descendants, -20 to 19, where that is permitted; this process's by default.
            leftovers: files and folders to be removed when all have ended, whichever way: absolute patterns as of
                ``glob``.
            abandoned: the same, where this process has ended by then, whichever way.

        Raises:
            ProcessError: the command cannot be started.
        """
        told = {
            "parent": os.getpid(),
            "cores": cores or (),
            "nice": nice,
            "leftovers": leftovers,
            "abandoned": abandoned,
        }
        with log.open("wb") as output:
            supervisor = subprocess.Popen(
                [sys.executable, "-I", "-S", str(_SUPERVISOR), json.dumps(told), *argv],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                env={**os.environ, **(env or {})},
                cwd=cwd,
                start_new_session=True,
            )
        assert supervisor.stdout is not None
        try:
            with supervisor.stdout as pipe:
                said = json.loads(pipe.readline() or b'{"error": "the supervisor died"}')
        except BaseException:  # Ctrl-C: nobody else knows of it yet
            cls(supervisor, 0, 0, log).stop(0)
            raise
        process = cls(supervisor, said.get("pid", 0), said.get("started_ns", 0), log)
        if "error" in said:
            process.stop(0)
            raise ProcessError(f"cannot start {argv[0]}: {said['error']}")
        return process

    def poll(self) -> int | None:
        """The exit code, negative when a signal ended the child; None while it or a descendant runs."""
        code = self._supervisor.poll()
        if code is not None:
            self._hang_up()
        return code

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end and return the exit code.

        Raises:
            subprocess.TimeoutExpired: it still runs after ``timeout`` seconds.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        # Never asleep for long: a signal may be delivered to another thread (gRPC has some), and Python's handler, such
        # as that of Ctrl-C, then runs only when this thread wakes.
        while (code := self.poll()) is None:
            if deadline is not None and time.monotonic() >= deadline:
                raise subprocess.TimeoutExpired(self._supervisor.args, timeout or 0.0)
            time.sleep(_POLL_S)
        return code

    def stop(self, grace_s: float = 2.0) -> int:
        """SIGTERM to the child, and SIGKILL to all that is left after ``grace_s`` seconds. Returns the exit code."""
        self._hang_up(str(grace_s).encode())
        try:
            return self._supervisor.wait(grace_s + _MARGIN_S)
        except subprocess.TimeoutExpired:
            self._supervisor.kill()  # its other half then ends everything at once
            return self._supervisor.wait()

    def _hang_up(self, last: bytes = b"") -> None:
        """Close the pipe whose end tells the supervisor to stop; it may have ended already."""
        pipe = self._supervisor.stdin
        assert pipe is not None
        if not pipe.closed:
            with suppress(BrokenPipeError), pipe:
                pipe.write(last)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
