"""What a terminal gets, and what a file: drawn rarely, cleaned up, and told in whole lines where nobody looks."""

import fcntl
import io
import os
import re
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyte
import pytest
from rich.console import Console

from tailbed.cli.live import LiveView
from tests.unit.cli.experiments import Clock, disturbed, invalid, make_runs, make_suite, valid

PROGRAM = """
import fcntl, sys, termios, time

# The terminal is this session's own, so that a Ctrl-C that is typed there is a signal here.
fcntl.ioctl(sys.stdin, termios.TIOCSCTTY, 0)
from tailbed.cli.live import LiveView
from tests.unit.cli.experiments import invalid, make_runs, make_suite, valid

suite = make_suite(blocks=6)
runs = make_runs(suite)
print("before", file=sys.stderr)
try:
    with LiveView(suite) as view:
        view.exporting("digits/onnx/fp32")
        view.preparing("calibration")
        view.measuring(runs if sys.argv[1] == "known" else [])
        for run in runs[:9]:
            advance = view.run_started(run)
            advance(0.5)
            flawed = run.number == 3
            view.run_ended(run, invalid("saturated: holds 700/s") if flawed else valid(p50_ms=0.25, p99_ms=1.5))
        time.sleep(1.1)
        advance = view.run_started(runs[9])
        time.sleep(1.1)
        advance(0.25)
        try:
            if sys.argv[2] == "wait":
                print("waiting", flush=True)
                time.sleep(60)
        finally:
            view.say("a line that stays")
except KeyboardInterrupt:
    print("stopped", file=sys.stderr)
"""


class Terminal:
    """A screen that shows what a program writes to it."""

    def __init__(self, columns: int, lines: int) -> None:
        self._screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self._screen)
        self._master, self.slave = os.openpty()
        os.set_blocking(self._master, False)
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def look(self) -> list[str]:
        """What is on it now, without the empty lines at its end."""
        while True:
            try:
                self._stream.feed(os.read(self._master, 65536))
            except BlockingIOError:
                break
        return "\n".join(line.rstrip() for line in self._screen.display).rstrip().splitlines()

    def wait_for(self, words: str) -> list[str]:
        """What is on it once it has ``words``."""
        deadline = time.monotonic() + 30
        while words not in "\n".join(shown := self.look()):
            assert time.monotonic() < deadline, shown
            time.sleep(0.05)
        return shown

    @property
    def has_cursor(self) -> bool:
        return not self._screen.cursor.hidden

    def interrupt(self) -> None:
        """Type Ctrl-C, which the terminal shows as ^C and makes a signal of."""
        os.write(self._master, b"\x03")

    def close(self) -> None:
        os.close(self._master)
        os.close(self.slave)


@contextmanager
def program(terminal: Terminal, *words: str) -> Iterator["subprocess.Popen[str]"]:
    environment = {**os.environ, "TERM": "xterm-256color"}
    environment = {name: value for name, value in environment.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    argv = [sys.executable, "-c", PROGRAM, *words]
    root = Path(__file__).parents[3]
    with subprocess.Popen(
        argv,
        stdin=terminal.slave,
        stderr=terminal.slave,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=root,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture(params=[(80, 24), (40, 10)], ids=["80x24", "40x10"])
def terminal(request: pytest.FixtureRequest) -> Iterator[Terminal]:
    found = Terminal(*request.param)
    yield found
    found.close()


@pytest.mark.parametrize("runs", ["known", "unknown"])
def test_a_terminal_shows_what_runs_and_is_clean_after_ctrl_c(terminal: Terminal, runs: str) -> None:
    with program(terminal, runs, "wait") as process:
        shown = terminal.wait_for("25%")
        shown = shown[shown.index("before") + 1 :] if "before" in shown else shown
        assert shown[0].startswith("mine  9 of 24 runs" if runs == "known" else "mine  9 runs, as many as it takes")
        assert shown[2].startswith("now  25% digits/onnx on fastapi")
        assert ("left" in shown[1]) == (runs == "known")
        assert any("INVALID" in line for line in shown)
        assert not terminal.has_cursor
        terminal.interrupt()
        process.wait(30)
        assert process.stdout is not None
        assert process.stdout.read() == "waiting\n"
    after = terminal.look()
    assert after[-1] == "stopped"
    assert "a line that stays 9 runs in" in " ".join(after)
    assert not any(words in line for line in after for words in ("now ", "last", "found so far")), after
    assert terminal.has_cursor


def test_when_all_is_done_one_line_is_left(terminal: Terminal) -> None:
    with program(terminal, "known", "end") as process:
        assert process.wait(30) == 0
    # A terminal that its screen fills scrolls by one line where that ends.
    after = [line for line in terminal.look() if line != "before"]
    assert after[0] == "a line that stays"
    assert re.fullmatch(r"9 runs in \d+ s, 1 INVALID", after[1])
    assert len(after) == 2
    assert terminal.has_cursor


def test_a_file_gets_a_line_a_run_and_no_control_characters() -> None:
    written = io.StringIO()
    suite, clock = make_suite(), Clock()
    runs = make_runs(suite)
    with LiveView(suite, Console(file=written, width=60), clock) as view:
        view.exporting("digits/onnx/fp32")
        for share in (10, 20, 30):
            view.preparing(f"cold start of digits/onnx/fp32 on fastapi: {share}%")
        view.measuring(runs)
        outcomes = [
            valid(p50_ms=0.25, p99_ms=1.5),
            invalid("saturated: holds 700/s of the 800/s offered"),
            disturbed("the client's core was taken away for 4.2 ms; see"),
            f"{runs[3].title}: the server did not start",
        ]
        for run, outcome in zip(runs, outcomes, strict=True):
            view.run_started(run)(0.5)
            clock.now += 20.0
            view.run_ended(run, outcome)
    titles = [run.title.replace("/fp32", "") for run in runs]
    assert written.getvalue().splitlines() == [
        "exporting digits/onnx/fp32",
        "cold start of digits/onnx/fp32 on fastapi",
        f"VALID    {titles[0]}: P50 0.25 ms, P99 1.50 ms (1 of 4, about 1 min 00 s left)",
        f"INVALID  {titles[1]}: P50 0.41 ms, P99 3.50 ms (2 of 4, about 40 s left);"
        " saturated: holds 700/s of the 800/s offered",
        f"VALID    {titles[2]}: P50 0.41 ms, P99 - ms (3 of 4, about 20 s left);"
        " the client's core was taken away for 4.2 ms",
        f"failed   {runs[3].title}: the server did not start (4 of 4, about 0 s left)",
    ]


def test_a_terminal_without_cursor_movement_gets_lines_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    written = io.StringIO()
    run = make_runs(make_suite())[0]
    with LiveView(console=Console(file=written, force_terminal=True, width=80)) as view:
        view.measuring([])
        view.run_started(run)
        view.run_ended(run, valid(p50_ms=0.25, p99_ms=1.5))
    assert written.getvalue().splitlines()[0].endswith("P50 0.25 ms, P99 1.50 ms (1)")


class Counting(io.StringIO):
    """A terminal that notes when something is drawn."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self.drawn: list[float] = []

    def write(self, text: str) -> int:
        if "mine" in text:
            self.drawn.append(self._clock.now)
        return super().write(text)


def test_nothing_is_drawn_more_than_twice_a_second_and_a_run_that_begins_is_shown_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    suite, clock = make_suite(blocks=5), Clock()
    screen = Counting(clock)
    began = []
    with LiveView(suite, Console(file=screen, force_terminal=True, width=80, height=24), clock) as view:
        runs = make_runs(suite)
        view.measuring(runs)
        for run in runs:
            began.append(clock.now)
            advance = view.run_started(run)
            for step in range(40):
                clock.now += 0.05
                advance(step / 40)
            clock.now += 0.3
            view.run_ended(run, valid())
    assert set(began) <= set(screen.drawn)
    for time_s in screen.drawn:
        assert sum(time_s - 1 < other <= time_s for other in screen.drawn) <= 2
    assert len(screen.drawn) > len(runs) * 2, "and in between once a second"
