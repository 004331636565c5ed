"""Supervised processes: real ones, ended in every way that there is."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from servers import ProcessError, SupervisedProcess

FAMILY = """
import os, signal, subprocess, sys, time
if sys.argv[2] == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
idle = [sys.executable, "-c", "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"]
child = subprocess.Popen(idle)
daemon = subprocess.Popen(idle, start_new_session=True)
if os.fork() == 0:  # an orphan in a session of its own, as daemons make themselves
    os.setsid()
    if os.fork() == 0:
        with open(sys.argv[1] + ".part", "w") as file:
            file.write(f"{os.getppid()} {os.getpid()} {child.pid} {daemon.pid}")
        os.rename(sys.argv[1] + ".part", sys.argv[1])
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(600)
    os._exit(0)
os.wait()
time.sleep(600)
"""
"""A child with children, a daemon and an orphan that all ignore SIGTERM; it writes their process ids to a file."""

PARENT = """
import sys, time
from pathlib import Path
from servers import SupervisedProcess
family, folder, mood = sys.argv[1:]
process = SupervisedProcess.start([sys.executable, "-c", family, folder + "/pids", mood], log=Path(folder, "log"))
Path(folder, "supervised.part").write_text(f"{process._supervisor.pid} {process.pid}")
Path(folder, "supervised.part").rename(Path(folder, "supervised"))
time.sleep(600)
"""


STARTING_NICE = """
import sys
from pathlib import Path
from servers import SupervisedProcess
folder, command = sys.argv[1:]
with SupervisedProcess.start([sys.executable, "-c", command], log=Path(folder, "log"), nice=-7) as process:
    sys.exit(process.wait(30))
"""


def _read(path: Path) -> list[int]:
    deadline = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} did not appear"
        time.sleep(0.01)
    return [int(pid) for pid in path.read_text().split()]


def _assert_gone(pids: list[int], within_s: float = 15.0) -> None:
    deadline = time.monotonic() + within_s
    while alive := [pid for pid in pids if _runs(pid)]:
        if time.monotonic() > deadline:
            named = {pid: psutil.Process(pid).cmdline()[:4] for pid in alive}
            for pid in alive:
                os.kill(pid, signal.SIGKILL)
            pytest.fail(f"still running: {named}")
        time.sleep(0.01)


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _family(folder: Path, mood: str = "calm") -> tuple[SupervisedProcess, list[int]]:
    process = SupervisedProcess.start([sys.executable, "-c", FAMILY, str(folder / "pids"), mood], log=folder / "log")
    return process, [process.pid, *_read(folder / "pids")]


def test_the_child_is_told_apart_from_its_supervisor(tmp_path: Path) -> None:
    before = time.monotonic_ns()
    command = "import os; print(os.getpid(), os.environ['COLOUR'], os.getcwd(), flush=True); input()"
    with SupervisedProcess.start(
        [sys.executable, "-c", command], log=tmp_path / "log", env={"COLOUR": "blue"}, cwd=tmp_path
    ) as process:
        assert before < process.started_ns < time.monotonic_ns()
        assert process.wait(30) == 1  # its standard input is empty
    said = process.log.read_text()
    assert said.startswith(f"{process.pid} blue {tmp_path}\n")
    assert "EOFError" in said


@pytest.mark.parametrize(("command", "code"), [("exit 0", 0), ("exit 7", 7), ("kill -SEGV $$", -signal.SIGSEGV)])
def test_it_ends_as_the_child_does(tmp_path: Path, command: str, code: int) -> None:
    with SupervisedProcess.start(["sh", "-c", command], log=tmp_path / "log", cwd=tmp_path) as process:
        assert process.wait(30) == code
        assert process.poll() == code
    assert process.stop() == code
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log"]  # no core dump of the supervisor's


def test_the_child_is_bound_to_its_cores(tmp_path: Path) -> None:
    core = min(os.sched_getaffinity(0))
    command = "import os; print(sorted(os.sched_getaffinity(0)))"
    with SupervisedProcess.start([sys.executable, "-c", command], log=tmp_path / "log", cores=(core,)) as process:
        process.wait(30)
    assert process.log.read_text() == f"[{core}]\n"


NICENESS = "import os; print(os.getpriority(os.PRIO_PROCESS, 0), *open('/proc/self/autogroup').read().split()[1:])"
"""Its own and, where the kernel groups sessions, its session's, as in ``5 nice 5``."""


def _niceness(folder: Path, nice: int | None) -> list[str]:
    with SupervisedProcess.start([sys.executable, "-c", NICENESS], log=folder / "log", nice=nice) as process:
        assert process.wait(30) == 0
    return process.log.read_text().split()


@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="the kernel does not group sessions")
def test_the_child_and_its_session_get_their_niceness(tmp_path: Path) -> None:
    own = str(os.getpriority(os.PRIO_PROCESS, 0))
    assert _niceness(tmp_path, None) == [own, "nice", "0"]
    assert _niceness(tmp_path, 5) == ["5", "nice", "5"]
    assert os.getpriority(os.PRIO_PROCESS, 0) == int(own)


@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="the kernel does not group sessions")
def test_a_niceness_that_is_not_permitted_is_left_as_it_is(tmp_path: Path) -> None:
    start = f"""
        import ctypes, os, resource, sys
        ctypes.CDLL(None).prctl(24, 23, 0, 0, 0)  # PR_CAPBSET_DROP, CAP_SYS_NICE: effective from the next exec on
        resource.setrlimit(resource.RLIMIT_NICE, (0, 0))
        os.execv(sys.executable, [sys.executable, "-c", {STARTING_NICE!r}, *sys.argv[1:]])
    """
    argv = [sys.executable, "-c", textwrap.dedent(start), str(tmp_path), NICENESS]
    subprocess.run(argv, check=True, timeout=60)
    assert (tmp_path / "log").read_text().split()[-1] == "0"


def test_signals_are_as_a_program_expects_them(tmp_path: Path) -> None:
    command = "import signal; print(*(signal.getsignal(s) for s in (15, 2, 13)), signal.pthread_sigmask(0, []))"
    script = (
        f"import os, signal\nif os.fork() == 0:\n os.execv({sys.executable!r}, ['python', '-c', 'pass'])\n{command}"
    )
    with SupervisedProcess.start([sys.executable, "-c", script], log=tmp_path / "log") as process:
        assert process.wait(30) == 0
    fields = (tmp_path / "log").read_text().split()
    assert fields[0] == "0"  # SIG_DFL; Python itself then sets its own for SIGINT and SIGPIPE
    assert fields[-1] == "set()"


@pytest.mark.parametrize(
    ("argv", "cores", "line"),
    [
        (["no-such-program"], None, "cannot start no-such-program: No such file or directory"),
        (["/"], None, "cannot start /: Permission denied"),
        (["true"], (4096,), r"cannot start true: CPU cores \[4096\] are not all usable"),
        (["true"], (0, 4096), r"cannot start true: CPU cores \[0, 4096\] are not all usable"),
    ],
)
def test_what_cannot_be_started_is_one_line(
    tmp_path: Path, argv: list[str], cores: tuple[int, ...] | None, line: str
) -> None:
    with pytest.raises(ProcessError, match=line):
        SupervisedProcess.start(argv, log=tmp_path / "log", cores=cores)


def test_an_interrupted_start_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: bytes) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("servers.process.json.loads", interrupt)
    with pytest.raises(KeyboardInterrupt):
        SupervisedProcess.start(["sleep", "600"], log=tmp_path / "log")
    assert not psutil.Process().children()


def test_stopping_leaves_no_descendant(tmp_path: Path) -> None:
    process, pids = _family(tmp_path)
    assert process.poll() is None
    assert process.stop() == -signal.SIGTERM
    _assert_gone(pids, within_s=0)


def test_what_ignores_sigterm_is_killed_after_the_grace(tmp_path: Path) -> None:
    process, pids = _family(tmp_path, "stubborn")
    asked = time.monotonic()
    assert process.stop(0.3) == -signal.SIGKILL
    assert time.monotonic() - asked >= 0.3
    _assert_gone(pids, within_s=0)


def test_a_stopped_child_still_gets_its_sigterm(tmp_path: Path) -> None:
    script = (
        "import signal, sys, time; signal.signal(15, lambda *_: sys.exit(5)); print('up', flush=True); time.sleep(600)"
    )
    with SupervisedProcess.start([sys.executable, "-c", script], log=tmp_path / "log") as process:
        while "up" not in process.log.read_text():
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGSTOP)
        assert process.stop(30) == 5


def test_what_a_child_leaves_behind_ends_with_it(tmp_path: Path) -> None:
    process, pids = _family(tmp_path)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait(30) == -signal.SIGKILL
    _assert_gone(pids, within_s=0)


def test_a_killed_supervisor_takes_all_with_it(tmp_path: Path) -> None:
    process, pids = _family(tmp_path, "stubborn")
    guard = psutil.Process(process.pid).parent().parent()  # type: ignore[union-attr]
    guard.kill()
    assert process.wait(30) == -signal.SIGKILL
    _assert_gone([guard.pid, *pids])
    process.stop()


def test_a_supervisor_whose_other_half_is_killed_takes_all_with_it(tmp_path: Path) -> None:
    process, pids = _family(tmp_path, "stubborn")
    psutil.Process(process.pid).parent().kill()  # type: ignore[union-attr]
    assert process.wait(30) == -signal.SIGKILL
    _assert_gone(pids, within_s=0)
    process.stop()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_supervisor_that_is_told_to_stops_all(tmp_path: Path, number: int) -> None:
    process, pids = _family(tmp_path)
    psutil.Process(process.pid).parent().parent().send_signal(number)  # type: ignore[union-attr]
    assert process.wait(30) == -signal.SIGTERM
    _assert_gone(pids, within_s=0)
    process.stop()


@pytest.mark.parametrize("mood", ["calm", "stubborn"])
@pytest.mark.parametrize(
    "end",
    [
        pytest.param(lambda parent: parent.kill(), id="SIGKILL"),
        pytest.param(lambda parent: parent.terminate(), id="SIGTERM"),
        pytest.param(lambda parent: os.killpg(parent.pid, signal.SIGINT), id="Ctrl-C"),
        pytest.param(lambda parent: os.killpg(parent.pid, signal.SIGHUP), id="closed terminal"),
    ],
)
def test_nothing_outlives_its_parent(tmp_path: Path, end: Callable[[subprocess.Popen[bytes]], None], mood: str) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(PARENT), FAMILY, str(tmp_path), mood],
        start_new_session=True,  # its own process group, as a shell makes one
        stderr=subprocess.DEVNULL,
    )
    pids = [*_read(tmp_path / "supervised"), *_read(tmp_path / "pids")]
    end(parent)
    parent.wait(30)
    _assert_gone(pids)


def test_nothing_outlives_a_parent_whose_forks_live_on(tmp_path: Path) -> None:
    """A fork without exec keeps the pipe to the supervisor open, so that its end tells nothing."""
    forking = PARENT.replace("time.sleep(600)", "import os\nif os.fork() == 0:\n    time.sleep(3600)\ntime.sleep(600)")
    parent = subprocess.Popen([sys.executable, "-c", forking, FAMILY, str(tmp_path), "calm"], start_new_session=True)
    pids = [*_read(tmp_path / "supervised"), *_read(tmp_path / "pids")]
    deadline = time.monotonic() + 30
    while not (forks := [c for c in psutil.Process(parent.pid).children() if c.pid not in pids]):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    parent.kill()
    parent.wait(30)
    _assert_gone(pids)
    for fork in forks:
        fork.kill()
        psutil.wait_procs([fork], timeout=30)


def test_waiting_takes_no_cpu_time(tmp_path: Path) -> None:
    with SupervisedProcess.start(["sleep", "600"], log=tmp_path / "log") as process:
        halves = psutil.Process(process.pid).parents()[:2]
        time.sleep(0.1)
        before = sum(half.num_ctx_switches().voluntary for half in halves)
        time.sleep(0.5)
        woken = sum(half.num_ctx_switches().voluntary for half in halves) - before
    assert woken < 5  # one that looked every 50 ms would have woken up ten times
