"""How long each core is taken from what spins on it, with the usual niceness and with that of a measurement.

    python -m tests.performance.stalls [--seconds 10] [--repeats 3]

A table for an idle machine: the two take turns, so that what comes and goes falls on both.
"""

from __future__ import annotations

import argparse

from tailbed.experiment.core_stalls import measure_stalls
from tailbed.experiment.placement import permitted_niceness, place


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=10.0, help="of each measurement (default: 10)")
    parser.add_argument("--repeats", type=int, default=3, help="of both (default: 3)")
    arguments = parser.parse_args()
    nice = permitted_niceness()
    print(f"{'core':>4}{'niceness':>12}{'taken':>10}{'longest ms':>12}{'gaps':>8}{'client':>9}")
    for _ in range(arguments.repeats):
        for tried in (None, nice) if nice is not None else (None,):
            found = measure_stalls(seconds=arguments.seconds, nice=tried)
            client = place(found).client
            for core in found:
                label = "as it is" if tried is None else str(tried)
                mark = "here" if core.core == client else ""
                print(f"{core.core:>4}{label:>12}{core.share:>10.3%}{core.longest_ms:>12.2f}{core.count:>8}{mark:>9}")
    if nice is None:
        print("a higher niceness is not permitted here")


if __name__ == "__main__":
    main()
