"""What the live view takes of a processor while a run is measured.

    python -m tests.performance.live_view [--seconds 60]

A screen of 80 columns by 24 lines after 60 runs, told of its progress five times a second as by a run; beside it the
same time without a screen.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from rich.console import Console

from tailbed.cli.live import LiveView
from tests.unit.cli.experiments import disturbed, invalid, make_runs, make_suite, valid

OVER = 60
TOLD_EVERY_S = 0.2


def cpu_ms(seconds: float, *, terminal: bool) -> float:
    suite = make_suite(blocks=50)
    runs = make_runs(suite)
    outcomes = [valid(), invalid("saturated: holds 700/s of 800/s"), disturbed("the core was taken for 4 ms")]
    with Path("/dev/null").open("w") as nowhere:
        console = Console(file=nowhere, force_terminal=terminal, width=80, height=24)
        with LiveView(suite, console) as view:
            view.measuring(runs)
            for run in runs[:OVER]:
                view.run_started(run)
                view.run_ended(run, outcomes[run.number % len(outcomes)])
            advance = view.run_started(runs[OVER])
            began_s, used_s = time.monotonic(), time.process_time()
            while (passed := time.monotonic() - began_s) < seconds:
                time.sleep(TOLD_EVERY_S)
                advance(passed / seconds)
            return 1e3 * (time.process_time() - used_s)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    seconds = parser.parse_args().seconds
    for words, terminal in (("with a screen", True), ("without", False)):
        print(f"{words}: {cpu_ms(seconds, terminal=terminal):.0f} ms of CPU time in {seconds:g} s")


if __name__ == "__main__":
    main()
