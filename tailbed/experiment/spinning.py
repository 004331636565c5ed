"""A program that spins on its core and says how long the core was not its own: ``spinning.py START_NS SECONDS``.

It is run by path with the standard library only, so that it starts at once. It sleeps until START_NS (CLOCK_MONOTONIC),
spins for SECONDS, and writes the gaps between two looks at the clock that are longer than 0.2 ms, as one line of
JSON: a list of nanoseconds. Two looks of a spinning process are some 0.1 microseconds apart.
"""

from __future__ import annotations

import gc
import json
import sys
import time

GAP_NS = 200_000
"""As long as a short interrupt or the wake-up of a thread does not take, and what a tail begins to show."""


def spin(start_ns: int, length_ns: int) -> list[int]:
    """The gaps in nanoseconds, in the order of their coming."""
    time.sleep(max(0, start_ns - time.monotonic_ns()) / 1e9)
    gaps = []
    last_ns = time.monotonic_ns()
    end_ns = last_ns + length_ns
    while last_ns < end_ns:
        now_ns = time.monotonic_ns()
        if now_ns - last_ns > GAP_NS:
            gaps.append(now_ns - last_ns)
        last_ns = now_ns
    return gaps


if __name__ == "__main__":
    gc.disable()
    print(json.dumps(spin(int(sys.argv[1]), round(float(sys.argv[2]) * 1e9))))
