"""``python -m loadtest.engine FOLDER``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import uvloop

from loadtest.engine import control
from loadtest.engine.engine import Engine
from loadtest.plan import read_plan
from models import TailbedError


def main() -> int:
    """Run the plan in a folder; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m loadtest.engine",
        description="Carry out FOLDER/plan.json and write FOLDER/records.parquet. "
        'The end of standard input, or a line {"stop": true} on it, stops the run in order.',
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--clients", type=int, help="clients that a closed loop begins with (default: as planned)")
    parser.add_argument(
        "--await-start",
        action="store_true",
        help='say {"event": "ready"} and begin at the CLOCK_MONOTONIC time of a line {"start_ns": NS}',
    )
    arguments = parser.parse_args()
    try:
        plan = read_plan(arguments.folder)
        engine = Engine(plan, arguments.folder, clients=arguments.clients, await_start=arguments.await_start)
        found = uvloop.run(engine.run())
    except (TailbedError, OSError) as error:
        control.emit("error", message=" ".join(str(error).split()))
        return 1
    except KeyboardInterrupt:
        return 130
    facts = found.facts
    control.emit(
        "finished",
        requests=len(found.intended_ns),
        finished=facts.finished,
        checked=facts.checked,
        wrong=facts.wrong,
        first_wrong=facts.first_wrong,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
