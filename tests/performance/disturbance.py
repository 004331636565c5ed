"""What the disturbance rule lets stand, on queues seen through a client whose core is taken away at times.

    python -m tests.performance.disturbance [--repeats 8]

Simulated are M/G/1 queues (1 ms a request, 20,000 requests) whose client sends and stamps nothing in its gaps, and the
same requests without any gap, which no measurement has. P99 and P99.9 of each run are judged by the rule of
``tailbed.analysis.disturbance``, and for comparison by all requests that overlap a gap, whether in the tail or not and
however short the gap. A percentile was moved if it is more than 5% above that without gaps; the bound is what the rule
promises of every one that stands.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from dataclasses import dataclass

import numpy as np

from tailbed.analysis.disturbance import Evidence, judge
from tailbed.analysis.percentiles import percentile
from tests.performance.queues import SERVICES, departures, poisson_arrivals, service_times

MS = 1_000_000
LOADS = (0.3, 0.7, 0.9)
GAPS = ((1, 0.0005), (1, 0.002), (2, 0.002), (8, 0.001), (8, 0.004), (8, 0.01), (40, 0.003), (40, 0.02))
"""Length in milliseconds, and share of the time."""
FRACTIONS = {"p99_ms": 0.99, "p999_ms": 0.999}
REQUESTS = 20_000


@dataclass(frozen=True)
class Interrupted:
    """One run: int64 nanoseconds of its requests and gaps, and the response times in ms that it had without gaps."""

    intended_ns: np.ndarray
    done_ns: np.ndarray
    gaps_ns: np.ndarray
    alone_ms: np.ndarray

    @property
    def took_ms(self) -> np.ndarray:
        return (self.done_ns - self.intended_ns) / MS


def interrupted(seed: int, load: float, service: str, length_ms: float, share: float) -> Interrupted:
    rng = np.random.default_rng(seed)
    services = service_times(rng, service, (REQUESTS,))
    arrivals = poisson_arrivals(rng, load, (REQUESTS,))
    starts = np.sort(rng.uniform(0, arrivals[-1], max(1, round(arrivals[-1] * share / length_ms))))
    starts = starts[np.diff(starts, prepend=-np.inf) > length_ms]

    def held(times: np.ndarray) -> np.ndarray:
        ends = starts[np.maximum(np.searchsorted(starts, times) - 1, 0)] + length_ms
        return np.where((times > starts[0]) & (times < ends), ends, times)

    gaps = np.stack([starts, np.full(len(starts), length_ms)], axis=1)
    seen = held(departures(held(arrivals), services))
    whole = [(times * MS).astype(np.int64) for times in (arrivals, seen, gaps)]
    return Interrupted(*whole, alone_ms=departures(arrivals, services) - arrivals)


def overlapping(run: Interrupted) -> float:
    starts, ends = run.gaps_ns[:, 0], run.gaps_ns.sum(axis=1)
    return float(np.mean(np.searchsorted(starts, run.done_ns) > np.searchsorted(ends, run.intended_ns, side="right")))


def count(load: float, service: str, repeats: int) -> Counter[str]:
    found: Counter[str] = Counter()
    for repeat in range(repeats):
        for number, (length_ms, share) in enumerate(GAPS):
            run = interrupted(len(GAPS) * repeat + number, load, service, length_ms, share)
            values = {name: percentile(run.took_ms, fraction) for name, fraction in FRACTIONS.items()}
            window = 0, int(run.intended_ns[-1]) + 1
            evidence = Evidence(gaps_ns=run.gaps_ns)
            reasons = judge(run.intended_ns, run.done_ns, window, values, FRACTIONS, evidence).reasons
            for name, fraction in FRACTIONS.items():
                moved = values[name] > 1.05 * percentile(run.alone_ms, fraction)
                beyond = values[name] > percentile(run.alone_ms, (1 + fraction) / 2) / 0.95
                stands = name not in reasons
                found["moved"] += moved
                found["marked"] += not stands
                found["marked, not moved"] += not stands and not moved
                found["moved, not marked"] += moved and stands
                found["stands beyond the bound"] += stands and beyond
                found["overlap: not moved"] += overlapping(run) >= (1 - fraction) / 2 and not moved
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=8, help="runs of each kind (default: 8)")
    repeats = parser.parse_args().repeats
    print(f"P99 and P99.9 of {repeats * len(GAPS)} runs a line, {repeats * len(GAPS) * 2} figures\n")
    print(f"{'':>18}{'':>8}{'':>9}{'marked,':>13}{'moved,':>13}{'stands':>12}{'by overlap:':>16}")
    head = f"{'moved':>8}{'marked':>9}{'not moved':>13}{'not marked':>13}{'beyond':>12}{'not moved':>16}"
    print(f"{'load':>4}  {'service':<12}{head}")
    total: Counter[str] = Counter()
    for load in LOADS:
        for service in SERVICES:
            found = count(load, service, repeats)
            total.update(found)
            print(f"{load:>4}  {service:<12}{_row(found)}")
    print(f"{'all':<18}{_row(total)}")
    return 1 if total["stands beyond the bound"] else 0


def _row(found: Counter[str]) -> str:
    return (
        f"{found['moved']:>8}{found['marked']:>9}{found['marked, not moved']:>13}{found['moved, not marked']:>13}"
        f"{found['stands beyond the bound']:>12}{found['overlap: not moved']:>16}"
    )


if __name__ == "__main__":
    sys.exit(main())
