"""The tables of ``tests.performance.perf_analyzer``, and whether the tools agree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import geometric_mean, median

import numpy as np

from tailbed.analysis.intervals import Interval, run_interval

SPINNING, ASLEEP, PEER = "tailbed", "tailbed asleep", "perf_analyzer"
TOOLS = (SPINNING, ASLEEP, PEER)


@dataclass(frozen=True)
class Sample:
    """One run of one tool."""

    repetition: int
    protocol: str
    clients: int
    tool: str
    p50_us: float
    p99_us: float
    rate: float
    server_us: float
    """Mean time of a request inside the server, by its own statistics."""
    note: str = ""
    """What tailbed's own rules have against the run."""


def conclude(samples: Sequence[Sample]) -> tuple[list[str], bool]:
    """The tables, and whether the tools agree at every load."""
    loads = sorted({(sample.protocol, sample.clients) for sample in samples})
    medians = ["P50 in us over the runs: geometric mean [range]; tailbed / perf_analyzer with its 95% interval"]
    medians += [f"{'load':10}" + "".join(f"{tool:24}" for tool in TOOLS) + f"{'ratio':24}ranges overlap"]
    others = ["medians over the runs: P99 in us, answers/s, mean us inside the server by its own statistics"]
    others += [f"{'load':10}" + "".join(f"{tool:>24}" for tool in TOOLS)]
    agreed = bool(samples)
    for load in loads:
        runs = {tool: [s for s in samples if (s.protocol, s.clients, s.tool) == (*load, tool)] for tool in TOOLS}
        name = f"{load[0]} x{load[1]}"
        overlaps = [tool for tool in (SPINNING, ASLEEP) if _overlap(runs[tool], runs[PEER])]
        agreed &= bool(overlaps)
        said = "yes" if SPINNING in overlaps else "asleep only" if overlaps else "NO"
        cells = "".join(f"{_range(runs[tool]):24}" for tool in TOOLS)
        medians.append(f"{name:10}{cells}{_ratio(runs[SPINNING], runs[PEER]):24}{said}")
        others.append(f"{name:10}" + "".join(f"{_others(runs[tool]):>24}" for tool in TOOLS))
    return [*medians, "", *others], agreed


def notes(samples: Sequence[Sample], failures: Sequence[str]) -> Iterator[str]:
    """How many runs there were, and what is to be said against any."""
    doubted = [sample for sample in samples if sample.note]
    yield (
        f"{len(samples)} runs, {len(failures)} failed; tailbed's own rules call {len(doubted)} of its runs INVALID or"
        " disturbed, all are counted here"
    )
    yield from (f"  {s.repetition} {s.protocol} x{s.clients} {s.tool}: {s.note.partition(';')[0]}" for s in doubted)
    yield from (f"FAILED  {failure}" for failure in failures)


def _overlap(some: Sequence[Sample], others: Sequence[Sample]) -> bool:
    if not some or not others:
        return False
    (low, high), (other_low, other_high) = (_ends(samples) for samples in (some, others))
    return max(low, other_low) <= min(high, other_high)


def _ends(samples: Sequence[Sample]) -> tuple[float, float]:
    values = [sample.p50_us for sample in samples]
    return min(values), max(values)


def _range(samples: Sequence[Sample]) -> str:
    if not samples:
        return "-"
    low, high = _ends(samples)
    return f"{geometric_mean(sample.p50_us for sample in samples):.0f} [{low:.0f}, {high:.0f}]"


def _ratio(some: Sequence[Sample], others: Sequence[Sample]) -> str:
    """The ratio by repetition, of those that have both."""
    known = {sample.repetition: sample.p50_us for sample in others}
    ratios = [sample.p50_us / known[sample.repetition] for sample in some if sample.repetition in known]
    found = run_interval(np.array(ratios))
    if isinstance(found, Interval):
        return f"{found.estimate:.3f} [{found.low:.3f}, {found.high:.3f}]"
    return "-" if found.estimate is None else f"{found.estimate:.3f}"


def _others(samples: Sequence[Sample]) -> str:
    if not samples:
        return "-"
    return "".join(f"{median(getattr(s, name) for s in samples):8.0f}" for name in ("p99_us", "rate", "server_us"))
