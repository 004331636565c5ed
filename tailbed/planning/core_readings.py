"""How slow the server's cores were in measured runs, from their samples."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from loadtest.records import Records
from tailbed.experiment import sampling
from tailbed.planning.fleet.core_speed import Readings, Slowness, slowness


def slowness_of(folder: Path, runs: Mapping[str, Records]) -> dict[str, Slowness]:
    """Of runs of one deployment, full speed being that of the fastest readings of them all.

    Args:
        folder: the experiment's.
        runs: raw records by the run's folder in it.

    Returns:
        By the run's folder; nothing where the speed was not read in all of them.
    """
    try:
        readings = [_readings(folder / name, found) for name, found in runs.items()]
    except sampling.SamplesError:
        return {}
    known = [each for each in readings if len(each.work)]
    return dict(zip(runs, slowness(known), strict=True)) if known and len(known) == len(runs) else {}


def _readings(folder: Path, found: Records) -> Readings:
    """The mean over the cores, at the samples that have all of them."""
    samples = sampling.read(folder / sampling.NAME)
    time_ns, work_ns = sampling.mean_work(samples)
    return Readings((time_ns - found.facts.load_start_ns) / 1e9, work_ns)
