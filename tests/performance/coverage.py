"""Whether the statistics keep what they promise, on queues whose truth is known.

    python -m tests.performance.coverage [--experiments 400] [--seed 1]

Simulated are experiments of 8 blocks of runs of M/G/1 queues (Poisson arrivals, one server, first come first served):
service times narrow (lognormal, coefficient of variation 0.1: a model that always computes the same), exponential (1)
and wide (lognormal, 2), loads from 0.3 to 0.9, 10,000 measured requests a run after 1,000 of warm-up that are dropped.
A block holds three runs with the same arrivals and their own service times: A, its twin, and B, which is A with every
service 10% longer.

The truth that an interval has to cover is what it estimates: the geometric mean, over all runs that could be made, of
the per-run percentile (here over all runs of the simulation); for the ratio, that of the per-run ratios, which is 1 for
A and its twin. The request-level interval is what is to be shown wrong: the order statistics at the ranks
n p +- 1.96 sqrt(n p (1 - p)) of one run, which hold if requests are independent, against the P99 of all requests of all
runs together.

A verdict compares P50 and P99 together (Holm over 2), with the noise floor that another experiment's A/A pair gave.
Service times do not differ between processes here. If they do, runs differ by more than a queue explains, which
run-level intervals see and request-level ones do not.

The second table is the backlog gate: how often a run is called growing, and how often it or the rate gate rejects it.
The third is the warm-up: when it ends on a queue that is steady from the start, by the rule of windows and by its
first half alone, that three windows agree within 10%.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from unittest import mock

import numpy as np

from loadtest import warmup
from tailbed.analysis import validity
from tailbed.analysis.backlog import backlog_steady
from tailbed.analysis.comparison import Pair, block_ratios, compare
from tailbed.analysis.intervals import Interval, run_interval
from tailbed.analysis.noise_floor import noise_floor
from tests.performance.queues import SERVICES, departures, poisson_arrivals, service_times, steady_after

LOADS = (0.3, 0.5, 0.7, 0.8, 0.9)
BLOCKS = 8
WARM, REQUESTS = 1_000, 10_000
SLOWER = 1.10
NEEDED = 0.90
FRACTIONS = (0.5, 0.99)
BATCH = 10  # experiments at a time, so that their arrays stay in the cache


@dataclass(frozen=True)
class Simulated:
    """Percentiles ``[deployments, fractions, experiments, blocks]`` of A, its twin and B, and what P99 is judged by."""

    percentiles: np.ndarray
    rank_low: np.ndarray
    rank_high: np.ndarray
    p99_of_all: float


def simulate(rng: np.random.Generator, load: float, service: str, experiments: int) -> Simulated:
    parts = [_batch(rng, load, service, BATCH) for _ in range(experiments // BATCH)]
    return Simulated(
        percentiles=np.concatenate([part[0] for part in parts], axis=2),
        rank_low=np.concatenate([part[1] for part in parts]),
        rank_high=np.concatenate([part[2] for part in parts]),
        p99_of_all=float(np.quantile(np.concatenate([part[3] for part in parts]), 0.99)),
    )


def _batch(rng: np.random.Generator, load: float, service: str, experiments: int) -> tuple[np.ndarray, ...]:
    shape = (experiments * BLOCKS, WARM + REQUESTS)
    arrivals = poisson_arrivals(rng, load, shape)
    spread = 1.96 * np.sqrt(REQUESTS * 0.99 * 0.01)
    ranks = [int(np.ceil(fraction * REQUESTS)) - 1 for fraction in FRACTIONS]
    ends = [int(0.99 * REQUESTS - spread) - 1, int(0.99 * REQUESTS + spread)]
    percentiles = []
    for deployment, slower in enumerate((1.0, 1.0, SLOWER)):
        response = (departures(arrivals, slower * service_times(rng, service, shape)) - arrivals)[:, WARM:]
        if deployment == 0:
            some = response[:, ::10].ravel().copy()
        ordered = np.partition(response, [*ranks, *ends], axis=1)
        if deployment == 0:
            low, high = ordered[:, ends[0]], ordered[:, ends[1]]
        percentiles.append([ordered[:, rank].reshape(experiments, BLOCKS) for rank in ranks])
    return np.array(percentiles), low, high, some


def covered(values: np.ndarray) -> float:
    """The share of experiments ``[experiments, blocks]`` whose interval holds the geometric mean over all of them."""
    truth = float(np.exp(np.log(values).mean()))
    hits = []
    for one in values:
        interval = run_interval(one)
        assert isinstance(interval, Interval)
        hits.append(interval.low <= truth <= interval.high)
    return float(np.mean(hits))


def claims(a: np.ndarray, b: np.ndarray, twins: tuple[np.ndarray, np.ndarray] | None) -> float:
    """The share of experiments where a difference in P99 is claimed, of ``[fractions, experiments, blocks]``."""
    count = 0
    experiments = a.shape[1]
    for index in range(experiments):
        floors = [None, None]
        if twins is not None:
            other = (index + 1) % experiments
            floors = [noise_floor(block_ratios(twins[0][k, other], twins[1][k, other])) for k in range(2)]
        pairs = [Pair("A", "B", f"P{50 + 49 * k}", a[k, index], b[k, index], floors[k]) for k in range(2)]
        count += compare(pairs)[1].claimed
    return count / experiments


def intervals(rng: np.random.Generator, experiments: int) -> float:
    """Print the table of coverage and claims; the worst coverage of a quoted interval."""
    error = np.sqrt(0.95 * 0.05 / experiments)
    print(f"{experiments} experiments of {BLOCKS} blocks a line, {REQUESTS} requests a run")
    print(f"nominal coverage 95%; the standard error of a share of 95% is {error:.1%}")
    print(
        "                          intervals of              request-   P99 claimed to differ, without and with floor"
    )
    print("load  service       P50     P99   A/A P99 B/A P99  level P99       of its twin       of B, 10% slower")
    worst = 1.0
    for load in LOADS:
        for service in SERVICES:
            data = simulate(rng, load, service, experiments)
            a, twin, b = data.percentiles
            quoted = [covered(a[0]), covered(a[1]), _covers_one(a[1] / twin[1]), covered(b[1] / a[1])]
            worst = min(worst, *quoted)
            naive = np.mean((data.rank_low <= data.p99_of_all) & (data.p99_of_all <= data.rank_high))
            verdicts = [claims(a, other, twins) for other in (twin, b) for twins in (None, (a, twin))]
            shown = "  ".join(f"{share:6.1%}" for share in quoted)
            claimed = "  ".join(f"{share:7.1%}" for share in verdicts)
            print(f"{load:4.1f}  {service:11} {shown}     {naive:6.1%}       {claimed}")
    return worst


def _covers_one(ratios: np.ndarray) -> float:
    found = [run_interval(one) for one in ratios]
    return float(np.mean([isinstance(one, Interval) and one.low <= 1 <= one.high for one in found]))


def backlog(rng: np.random.Generator, runs: int) -> None:
    print("\nruns called growing by the backlog gate (and rejected by it or by the rate gate)")
    loads = (0.5, 0.9, 0.95, 1.02, 1.05, 1.1)
    print("requests  service      " + "".join(f"{f'load {load:g}':>16}" for load in loads))
    for requests in (1_000, 2_000, 12_000, 60_000):
        for service in SERVICES:
            cells = []
            for load in loads:
                flags = [_gates(*_run(rng, load, service, requests)) for _ in range(runs)]
                grows, either = np.mean(flags, axis=0)
                cells.append(f"{grows:7.1%} ({either:6.1%})")
            print(f"{requests:8}  {service:12} {''.join(cells)}")


def _run(
    rng: np.random.Generator, load: float, service: str, requests: int, warm: float = 1 / 6
) -> tuple[np.ndarray, np.ndarray, int, int]:
    """One run in ns at a mean service time of 1 ms: intended, done, and the ends of the window after the warm-up."""
    skipped = int(warm * requests)
    arrivals = poisson_arrivals(rng, load, (skipped + requests + 1,))
    done = departures(arrivals, service_times(rng, service, arrivals.shape))
    intended_ns, done_ns = (arrivals * 1e6).astype(np.int64), (done * 1e6).astype(np.int64)
    return intended_ns, done_ns, int(intended_ns[skipped]), int(intended_ns[-1])


def _gates(intended_ns: np.ndarray, done_ns: np.ndarray, start_ns: int, end_ns: int) -> tuple[bool, bool]:
    grows = backlog_steady(intended_ns, done_ns, start_ns, end_ns) is not None
    window_s = (end_ns - start_ns) / 1e9
    due, answered = ((times >= start_ns) & (times < end_ns) for times in (intended_ns, done_ns))
    in_system = (done_ns - intended_ns)[due].sum() / (end_ns - start_ns)
    held = validity.rate_held(due.sum() / window_s, answered.sum() / window_s, window_s, in_system)
    return grows, grows or held is not None


def warm_ups(rng: np.random.Generator, runs: int) -> None:
    print("\nend of the warm-up of a steady queue in s: median, 90th percentile, (share not reached in 60 s)")
    print("requests/s  load  service         by the rule of windows    by agreement within 10% alone")
    for rate in (50, 200, 1_000):
        for load in (0.3, 0.7, 0.9):
            for service in SERVICES:
                cells = []
                for trendless in (warmup.TRENDLESS, 10**9):
                    with mock.patch.object(warmup, "TRENDLESS", trendless):
                        ends = [_warm_end(rng, rate, load, service) for _ in range(runs)]
                    middle, late = np.quantile(ends, [0.5, 0.9], method="inverted_cdf")
                    cells.append(f"{middle:6.0f} {late:6.0f}  ({np.mean(np.isinf(ends)):6.1%})")
                print(f"{rate:10}  {load:4}  {service:12} {'         '.join(cells)}")


def _warm_end(rng: np.random.Generator, rate: float, load: float, service: str) -> float:
    intended_ns, done_ns, _, _ = _run(rng, load, service, int(66 * rate), warm=0)
    stretch = load / rate * 1e3  # from a mean service time of 1 ms to the one that makes this rate this load
    times = ((times * stretch).astype(np.int64) for times in (intended_ns, done_ns))
    end = steady_after(*times, 60, open_loop=True)
    return np.inf if isinstance(end, str) else end


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--experiments", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    began = time.monotonic()
    worst = intervals(rng, arguments.experiments)
    backlog(rng, max(arguments.experiments // 3, 10))
    warm_ups(rng, max(arguments.experiments // 10, 10))
    print(f"\nlowest coverage of a quoted interval: {worst:.1%}, needed {NEEDED:.0%}; {time.monotonic() - began:.0f} s")
    return int(worst < NEEDED)


if __name__ == "__main__":
    raise SystemExit(main())
