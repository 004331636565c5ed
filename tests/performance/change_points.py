"""How often the history marks a change of level that is none, and how often it finds one that is there.

    python -m tests.performance.change_points [--series 1000] [--seed 1]

A series is one figure of a cell in so many experiments. Between experiments it scatters by 5% of itself (the standard
deviation of its logarithm), as P99 of short runs does on a small virtual machine, in three ways: normally; with the
heavy tails of Student's t with 3 degrees of freedom, scaled to the same deviation; and normally but with a memory, each
experiment correlated with the one before by 0.3 (a machine that has better and worse days), which breaks the assumption
that the order means nothing.

``steady`` is the share of series of one level that get a mark. ``+10%`` and ``+20%`` are the shares of series with such
a step in the middle whose step is marked within one experiment of its place, and ``late`` the same for +20% with only
the three newest experiments after it. ``more`` is the share of series with the +20% step in the middle that get a mark
elsewhere, or more than one. ``of 8`` repeats ``steady`` and ``+20%`` for eight cells that are looked at together,
which share the level.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np

from tailbed.history.change_points import FEWEST, LEVEL, change_points

SCATTER = 0.05
COUNTS = (8, 12, 20, 40)
TOGETHER = 8
MEMORY = 0.3


def normal(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.normal(size=n)


def heavy(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.standard_t(3, size=n) / np.sqrt(3)


def with_memory(rng: np.random.Generator, n: int) -> np.ndarray:
    values = rng.normal(size=n)
    for place in range(1, n):
        values[place] = MEMORY * values[place - 1] + np.sqrt(1 - MEMORY**2) * values[place]
    return values


SCATTERS: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "normal": normal,
    "heavy tails": heavy,
    "memory": with_memory,
}


def series(rng: np.random.Generator, scatter: str, n: int, step: float, at: int) -> np.ndarray:
    """Figures of ``n`` experiments, ``step`` times as large from the one at ``at`` on."""
    logs = SCATTER * SCATTERS[scatter](rng, n)
    logs[at:] += np.log(step)
    return np.exp(logs)


def rates(
    rng: np.random.Generator, scatter: str, n: int, step: float, at: int, count: int, level: float = LEVEL
) -> tuple[float, float]:
    """Shares of series with a mark within one of ``at``, and with a mark anywhere else or a second one."""
    hits = others = 0
    for _ in range(count):
        found = change_points(series(rng, scatter, n, step, at), level)
        near = [place for place in found if abs(place - at) <= 1]
        hits += bool(near)
        others += len(found) > min(len(near), 1)
    return hits / count, others / count


def steady(rng: np.random.Generator, scatter: str, n: int, count: int, level: float = LEVEL) -> float:
    """Share of series of one level that get a mark."""
    return sum(bool(change_points(series(rng, scatter, n, 1.0, n), level)) for _ in range(count)) / count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    count = options.series
    print(
        f"{'scatter':<12} {'n':>3} {'steady':>7} {'+10%':>7} {'+20%':>7} {'late':>7} {'more':>7}   of 8: steady    +20%"
    )
    for scatter in SCATTERS:
        for n in COUNTS:
            middle = n // 2
            small, _ = rates(rng, scatter, n, 1.1, middle, count)
            found, more = rates(rng, scatter, n, 1.2, middle, count)
            late, _ = rates(rng, scatter, n, 1.2, n - FEWEST, count)
            shared = LEVEL / TOGETHER
            together, _ = rates(rng, scatter, n, 1.2, middle, count, shared)
            alone = [steady(rng, scatter, n, count), small, found, late, more]
            eight = [steady(rng, scatter, n, count, shared), together]
            line = " ".join(f"{share:>7.1%}" for share in alone)
            print(f"{scatter:<12} {n:>3} {line}   {eight[0]:>12.1%} {eight[1]:>7.1%}", flush=True)


if __name__ == "__main__":
    main()
