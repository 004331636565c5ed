"""Whether tailbed's verdicts hold on this machine: equal deployments pass as equal, one slowed by 10% does not.

    python -m tests.performance.aa [--experiments 10] [--minutes 45] [--out FOLDER]
    python -m tests.performance.aa --resume FOLDER

Ten experiments, each a folder that ``tailbed compare`` reads. An experiment has eight blocks; a block has, in an
order of its own, three deployments under two loads, each in a fresh server process: the original, a null server that
computes 1,000 us on a request, its twin, which is the same, and the slowed one with 1,100 us; one client in a closed
loop, and Poisson arrivals at 35% of the original's capacity, the same for all three. Runs are a few seconds long: what
the time allows, and enough for a P99. Warm-up is one second, by time. Everything else is what ``tailbed bench`` and
``tailbed compare`` do, the repeating of disturbed runs too.

Counted are the verdicts in P50 and P99 under both loads: 2 x 2 x 10 = 40 A/A comparisons, original and twin. The two
figures of an experiment under one load come from the same runs, so these are 20 independent sets of runs with two
figures each. The slowed deployment counts as told from the original if ``tailbed compare`` claims that its P50 is
longer, under each load for itself; P99 and throughput are printed beside, with no target. At most 3 of the 40 may claim
a difference, and 9 of 10 experiments must tell the slowed one. Where too few blocks are VALID for an interval, the
slowed one is not told, and there is no A/A comparison to be counted.

The columns: *compare* is what ``tailbed compare`` says, corrected after Holm for all pairs that it compares at once in
a figure (four; two in throughput); *alone* is the same pair without the correction; *floor* is what ``tailbed compare
--floor`` says with a noise floor from the A/A blocks of all other experiments; *of* is how many there are. *width* is
half the 95% interval of the A/A ratio, median over the experiments; the last column is the floor from all experiments.

What it measures is kept as it goes. Ctrl-C prints the table of the experiments that are complete.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from models import TailbedError
from tailbed.analysis.percentiles import sample_floor
from tailbed.experiment.core_stalls import measure_stalls
from tailbed.experiment.environment import describe_environment
from tailbed.experiment.placement import Placement, permitted_niceness, place
from tailbed.results.folder import ExperimentFolder
from tailbed.results.schema import Summary
from tests.performance import aa_verdicts
from tests.performance.aa_experiment import Experiment, Settings, order_runs

SETTINGS = "settings.json"
TABLE = "table.txt"
SPARE = 0.2
"""The share of the time that is kept for runs that have to be repeated."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--experiments", type=int, default=10)
    parser.add_argument("--blocks", type=int, default=8)
    parser.add_argument("--minutes", type=float, default=45, help="for all of it; the runs are as long as this allows")
    parser.add_argument("--seconds", type=float, help="the measured length of a run, instead")
    parser.add_argument("--service-us", type=int, default=1_000)
    parser.add_argument("--slower", type=float, default=0.10)
    parser.add_argument("--load", type=float, default=0.35, help="share of the original's capacity, in the open loop")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path(time.strftime("build/perf-aa-%Y%m%d-%H%M%S")))
    parser.add_argument("--resume", type=Path, metavar="FOLDER", help="measure what is missing there")
    arguments = parser.parse_args()
    try:
        folder = arguments.resume or arguments.out
        placement = place(measure_stalls(nice=permitted_niceness()))
        if arguments.resume:
            settings = Settings.model_validate_json((folder / SETTINGS).read_bytes())
        else:
            ExperimentFolder.create(folder)
            settings = plan(arguments, folder, placement)
            (folder / SETTINGS).write_text(settings.model_dump_json(indent=2) + "\n")
        ExperimentFolder(folder).write_environment(describe_environment(placement))
        return measure(settings, folder, placement)
    except (TailbedError, OSError) as error:
        print(error, file=sys.stderr)
        return 1


def plan(arguments: argparse.Namespace, folder: Path, placement: Placement) -> Settings:
    """Choose the length of a run, from what one costs beside its window."""
    rate = arguments.load * 1e6 / arguments.service_us
    settings = Settings(
        experiments=arguments.experiments,
        blocks=arguments.blocks,
        service_us=arguments.service_us,
        slower=arguments.slower,
        rate=rate,
        warmup_s=1.0,
        duration_s=arguments.seconds or 1.0,
        attempts=3,
        seed=arguments.seed,
    )
    began = time.monotonic()
    trial = Experiment(0, settings, ExperimentFolder(folder / "trial"), placement)
    trial.attempt(order_runs(settings, 0)[0], folder / "trial", 1)
    beside_s = time.monotonic() - began - settings.duration_s
    if arguments.seconds is None:
        # Poisson arrivals vary: four standard deviations above what a P99 needs.
        floor = sample_floor(0.99)
        least_s = (floor + 4 * math.sqrt(floor)) / rate
        length_s = round(60 * arguments.minutes * (1 - SPARE) / settings.runs - beside_s, 1)
        if length_s < least_s:
            needed = settings.runs * (least_s + beside_s) / (1 - SPARE) / 60
            raise TailbedError(f"{settings.runs} runs that hold a P99 take {needed:.0f} minutes here: give --minutes")
        settings = settings.model_copy(update={"duration_s": length_s})
    total_s = settings.runs * (settings.duration_s + beside_s)
    print(
        f"{settings.runs} runs of {settings.duration_s:g} s, {beside_s:.1f} s beside each: {total_s / 60:.0f} minutes"
    )
    return settings


def measure(settings: Settings, folder: Path, placement: Placement) -> int:
    """All experiments, a line after each, and the table."""
    loads = ", ".join(scenario.label for scenario in settings.scenarios)
    computing = ", ".join(f"{name} {us} us" for name, us in settings.deployments.items())
    print(f"{settings.experiments} experiments of {settings.blocks} blocks: {computing}; {loads}")
    print(f"server on {placement.server}, client on {placement.client}, niceness {placement.nice}; kept in {folder}")
    for core in placement.stalls:
        print(f"core {core.core} stalls {core.share:.2%} of the time, at most {core.longest_ms:.1f} ms")
    summaries: list[Summary] = []
    interrupted = False
    began = time.monotonic()
    try:
        for number in range(1, settings.experiments + 1):
            own = ExperimentFolder(folder / f"experiment-{number:02d}")
            own.path.mkdir(exist_ok=True)
            summaries.append(Experiment(number, settings, own, placement).measure())
            minutes = (time.monotonic() - began) / 60
            left = minutes / number * (settings.experiments - number)
            print(f"{minutes:.0f} minutes, {left:.0f} to go; experiment {number}: {_brief(summaries[-1:])}", flush=True)
    except KeyboardInterrupt:
        interrupted = True
    lines, met = conclude(summaries)
    if interrupted:
        lines.append(f"INTERRUPTED after {len(summaries)} of {settings.experiments}: --resume {folder} goes on")
    (folder / TABLE).write_text("\n".join(lines) + "\n")
    print("", *lines, sep="\n")
    return int(interrupted or not met)


def conclude(summaries: Sequence[Summary]) -> tuple[list[str], bool]:
    """The table, what became of the runs, and whether the targets are met."""
    if not summaries:
        return ["no experiment is complete"], False
    counts = aa_verdicts.count(summaries)
    floors = aa_verdicts.other_floors(summaries, len(summaries))
    targets = list(aa_verdicts.targets(counts, len(summaries)))
    lines = [*aa_verdicts.table(counts, len(summaries), floors), "", *aa_verdicts.account(summaries), ""]
    lines += [f"{'met    ' if met else 'NOT met'}  {words}" for met, words in targets]
    return lines, all(met for met, _ in targets)


def _brief(summaries: Sequence[Summary]) -> str:
    return "; ".join(words for _, words in aa_verdicts.targets(aa_verdicts.count(summaries), len(summaries)))


if __name__ == "__main__":
    raise SystemExit(main())
