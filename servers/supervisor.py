"""A program between tailbed and a child process, so that the child never outlives tailbed, however that ends.

It is run by path with the standard library only, ``python -I -S supervisor.py JSON COMMAND...``: it starts in
milliseconds and then sleeps. The JSON has ``parent``, a process id; ``cores``, a list that may be empty; ``nice``,
which may be null; ``leftovers`` and ``abandoned``, lists of patterns. It starts the command, and ends it when its
standard input ends, when the parent dies, or when SIGTERM or SIGINT tell it to: SIGTERM to the child, a grace, SIGKILL
to every descendant that is left. A number on standard input is that grace in seconds. On standard output it writes one
line of JSON, with ``pid`` and ``started_ns`` (CLOCK_MONOTONIC, just before exec) or with ``error``. At the end it
removes what ``leftovers`` match, which a server that was killed could not do itself, and what ``abandoned`` match,
where the parent is gone, which would have done so. It ends as the child ended: with its exit code, or by its signal.

There are two of it, because what is killed with SIGKILL can clean up nothing: the guard, which tailbed starts, and
below it the keeper, which has the child. Both are subreapers: orphans become children of the nearest one that is
alive, and so are found. Whichever of the two dies, the other one ends everything.
"""

# ruff: noqa: PTH108, PTH112, PTH114, PTH123, PTH207, PTH208, S606
# pathlib would double the time that it takes to start; and replacing the process is what this program is for.

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import select
import signal
import sys
import time
from collections.abc import Iterator

_GRACE_S = 2.0
_STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_HANDLED = (*_STOPPING, signal.SIGCHLD)
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_LIBC = ctypes.CDLL(None)


def guard(
    parent: int, cores: list[int], nice: int | None, leftovers: list[str], abandoned: list[str], command: list[str]
) -> int:
    """Start the keeper, wait until it ends, and leave no descendant behind. Returns its wait status."""
    _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1)
    alive_read, alive_write = os.pipe()
    signal.pthread_sigmask(signal.SIG_BLOCK, _HANDLED)
    keeper = os.fork()
    if keeper == 0:
        os.close(alive_write)
        end_as(keep(parent, alive_read, cores, nice, command))
    for number in _STOPPING:
        signal.signal(number, lambda number, _: os.kill(keeper, number))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _HANDLED)
    os.close(0)  # the keeper's alone, as is the pipe that tells tailbed
    os.close(1)
    _, status = os.waitpid(keeper, 0)
    for number in _STOPPING:
        signal.signal(number, signal.SIG_IGN)
    end_descendants()
    remove(leftovers)
    if os.getppid() != parent:
        remove(abandoned)
    return status


def keep(parent: int, guard_alive: int, cores: list[int], nice: int | None, command: list[str]) -> int:
    """Start the child, wait until it ends or is to be ended, and end what is left. Returns its wait status."""
    _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1)
    woken, wake = os.pipe()
    os.set_blocking(woken, False)
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    for number in _HANDLED:
        signal.signal(number, lambda *_: None)
    child = start(cores, nice, command)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _HANDLED)

    stopping = {0}
    # Standard input stays open where the parent has forked without exec. If the parent is gone already, or the
    # kernel is older than 5.3, standard input alone must do.
    with contextlib.suppress(OSError):
        stopping.add(os.pidfd_open(parent))
    waiting = select.poll()
    for descriptor in (woken, guard_alive, *stopping):
        waiting.register(descriptor, select.POLLIN)

    deadline: float | None = None
    while True:
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        ready = {descriptor for descriptor, _ in waiting.poll(None if left is None else left * 1000)}
        numbers = os.read(woken, 4096) if woken in ready else b""
        for pid, status in reap():
            if pid == child:
                end_descendants()
                return status
        if guard_alive in ready or left == 0:
            return end_descendants(child)
        if deadline is None and (ready & stopping or set(numbers) & set(_STOPPING)):
            deadline = time.monotonic() + (_told_grace() if 0 in ready else _GRACE_S)
            os.kill(child, signal.SIGTERM)
            os.kill(child, signal.SIGCONT)  # one that is stopped would not see it
            for descriptor in stopping:
                waiting.unregister(descriptor)


def start(cores: list[int], nice: int | None, command: list[str]) -> int:
    """Start the child and say so on standard output. Returns its process id."""
    keeper = os.getpid()
    said, say = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            _become(keeper, say, cores, nice, command)
        except (OSError, ValueError) as error:
            os.write(say, f"\n{getattr(error, 'strerror', None) or error}".encode())
        os._exit(127)
    os.close(say)
    with os.fdopen(said, "rb") as pipe:  # ends when exec closes it
        started_ns, _, failure = pipe.read().decode().partition("\n")
    line = {"pid": child, "started_ns": int(started_ns)} if started_ns and not failure else {"error": failure}
    with contextlib.suppress(BrokenPipeError):
        os.write(1, json.dumps(line).encode() + b"\n")
    os.close(1)
    return child


def _become(keeper: int, say: int, cores: list[int], nice: int | None, command: list[str]) -> None:
    os.setsid()
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != keeper:
        return
    if cores:
        _bind(set(cores))
    if nice is not None:
        set_niceness(nice)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    signal.set_wakeup_fd(-1)
    for number in (*_HANDLED, signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores the last two, and exec keeps that
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    os.write(say, b"%d" % time.monotonic_ns())
    os.execvp(command[0], command)


def _bind(cores: set[int]) -> None:
    with contextlib.suppress(OSError):  # all of them unusable; the system passes over a few
        os.sched_setaffinity(0, cores)
    if os.sched_getaffinity(0) != cores:
        raise ValueError(f"CPU cores {sorted(cores)} are not all usable: {os.cpu_count()} are there")


def set_niceness(nice: int) -> None:
    """Give the calling thread, all that it starts and its session this niceness; nothing where that is not permitted.

    Where the kernel groups sessions (``sched_autogroup_enabled``), a niceness counts only within its own session, and
    the session has another one, against all others.
    """
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, nice)
        with open("/proc/self/autogroup", "w") as file:
            file.write(str(nice))


def _told_grace() -> float:
    with contextlib.suppress(ValueError):
        return float(os.read(0, 64))
    return _GRACE_S


def reap() -> Iterator[tuple[int, int]]:
    """The children that have ended, with their wait status."""
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            yield pid, status


def end_descendants(child: int = 0) -> int:
    """Kill every descendant until none is left. Returns the wait status of ``child`` if it was among them."""
    child_status = 0
    while True:
        for pid in descendants(os.getpid()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for pid, status in reap():
            if pid == child:
                child_status = status
        try:
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return child_status
        time.sleep(0.002)


def remove(patterns: list[str]) -> None:
    """Remove the files and folders that the patterns match."""
    if not patterns:
        return
    # Only now, and only where there is something to look for: they would double the time that this takes to start.
    import glob
    import shutil

    for found in (path for pattern in patterns for path in glob.glob(pattern)):
        if os.path.isdir(found) and not os.path.islink(found):
            shutil.rmtree(found, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                os.unlink(found)


def descendants(ancestor: int) -> list[int]:
    """Children, their children and so on, of all processes that ``/proc`` shows."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError), open(f"/proc/{entry}/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()  # the name before may hold anything
                children.setdefault(int(fields[1]), []).append(int(entry))
    found = list(children.get(ancestor, ()))
    for pid in found:
        found.extend(children.get(pid, ()))
    return found


def end_as(status: int) -> None:
    """End this process as one with this wait status ended, without a core dump of its own."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
        with contextlib.suppress(OSError):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (number,))
        os.kill(os.getpid(), number)
    os._exit(os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 1)


if __name__ == "__main__":
    end_as(guard(**json.loads(sys.argv[1]), command=sys.argv[2:]))
