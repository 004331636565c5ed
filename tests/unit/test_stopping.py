"""The command is stopped by a signal wherever it comes."""

import signal
import subprocess
import sys

import pytest

IN_A_FINALIZER = """
import signal, sys, time
import click
import tailbed.__main__ as command

number = signal.Signals(int(sys.argv.pop()))

class Finalized:
    def __del__(self):
        signal.raise_signal(number)

@click.command()
def long_work():
    Finalized()
    print("goes on", flush=True)
    time.sleep(20)
    print("was not stopped")

command.cli = long_work
command.main()
"""


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stop_that_python_drops_is_asked_for_again(stop: signal.Signals) -> None:
    script = [sys.executable, "-c", IN_A_FINALIZER, str(int(stop))]
    ended = subprocess.run(script, capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stdout, ended.stderr.strip()) == (130, "goes on\n", "tailbed: stopped")


def test_what_else_python_drops_is_told() -> None:
    script = IN_A_FINALIZER.replace("signal.raise_signal(number)", "raise ValueError(number)").replace("20", "0")
    ended = subprocess.run([sys.executable, "-c", script, "1"], capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stdout) == (0, "goes on\nwas not stopped\n")
    assert "ValueError" in ended.stderr
