"""What a core loses: real processes on real cores."""

import os
import subprocess
import sys
from itertools import chain, count
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from servers import ProcessError
from tailbed.experiment import core_stalls, spinning
from tailbed.experiment.core_stalls import measure_stalls


def test_every_core_is_measured() -> None:
    found = measure_stalls(seconds=0.2)
    assert [core.core for core in found] == sorted(os.sched_getaffinity(0))
    for core in found:
        assert core.seconds == 0.2
        assert 0 <= core.share <= 1
        assert (core.count > 0) == (core.longest_ms > 0.2) == (core.share > 0)
    assert not psutil.Process().children(recursive=True)


def test_a_core_that_another_process_takes_is_seen() -> None:
    core = max(os.sched_getaffinity(0))
    script = f"import os; os.sched_setaffinity(0, {{{core}}}); print(flush=True)\nwhile True: pass"
    # In a session of its own, as what is measured against it: both have the same right to the core.
    argv = [sys.executable, "-c", script]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, start_new_session=True) as greedy:
        try:
            assert greedy.stdout is not None
            greedy.stdout.readline()
            (found,) = measure_stalls([core], seconds=0.5)
        finally:
            greedy.kill()
    # A fair half, and some less for the time that it takes to notice.
    assert found.share > 0.2
    assert found.count > 0
    assert found.longest_ms <= found.share * 500 * 1.001


def test_gaps_are_those_between_two_looks_at_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = chain([50, 1_000, 2_000, 202_000, 402_001, 402_100, 1_500_000], count(1_500_100, 100))
    slept: list[float] = []
    clock = SimpleNamespace(monotonic_ns=lambda: next(looks), sleep=slept.append)
    monkeypatch.setattr(spinning, "time", clock)
    assert spinning.spin(1_000, 2_000_000) == [200_001, 1_097_900]
    assert slept == [950 / 1e9]


def test_each_spins_on_its_core_with_its_niceness(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "program.py"
    program.write_text("import os; print([round(1e6) * (1 + c) for c in os.sched_getaffinity(0)] + [os.nice(0)])")
    monkeypatch.setattr(core_stalls, "_PROGRAM", program)
    for found in measure_stalls(seconds=1, nice=7):
        assert found.longest_ms == 1 + found.core
        assert found.count == 2
        assert found.share == pytest.approx((1e6 * (1 + found.core) + 7) / 1e9)


def test_a_core_that_is_not_there_is_one_line() -> None:
    with pytest.raises(ProcessError, match=r"CPU cores \[4096\] are not all usable"):
        measure_stalls([4096], seconds=0.1)


def test_a_spinner_that_fails_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "program.py"
    program.write_text("raise SystemExit('out of order')")
    monkeypatch.setattr(core_stalls, "_PROGRAM", program)
    core = min(os.sched_getaffinity(0))
    with pytest.raises(ProcessError, match=rf"^core {core}: what should spin on it failed: out of order$"):
        measure_stalls([core], seconds=0.1)
