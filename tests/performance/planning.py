"""Whether the plan's model tells the truth: predicted and measured, side by side.

    python -m tests.performance.planning [--quick] [--parts rates,search,balancers] [--deployments NAME,...]
                                         [--from DIR]... [--out DIR]

``rates``: each deployment is measured at six shares of its capacity. Its model is made of the runs at three of them
and predicts the P99 at the other three, which it has not seen, the highest one beyond all that it has. A prediction is
given what the runs that it is compared with had from outside: their arrivals, and how fast the server's core was when,
read once a second (see ``tailbed.planning.fleet.core_speed``). What a run's P99 has of these is no error of the model.
"Without" is the error of a prediction that knows of no core's speed. The cores are kept awake meanwhile.
Measured is the geometric mean of the P99 of the VALID, undisturbed runs; the column beside it is by how much the
highest one is above the lowest, which no prediction can be better than that is not told why: below the table stands
how well a run is predicted by another one of the same load. Busy is for how much of the time the replica then has
requests, by the model: what is 70% of a closed loop's throughput may be nearly all that an open loop gets. Slower is by
how much the core was slower than at its best, on average over the runs. Deployments are told apart by whether a
request takes a millisecond or more: the P99 of faster ones is made of the machine's own stalls, few in a run and as
long as many requests.
``--from``, which may be repeated, takes such measurements from folders that have them; ``--deployments`` measures only
those whose names begin so.

``search``: ``tailbed plan --sweep``, the highest rate found against that of a fine sweep around it.

``balancers``: two replicas that mostly wait (so that one core is enough for both) behind HAProxy and nginx.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import yaml

from loadtest import records
from loadtest.inputs import write_pool
from loadtest.records import Records
from tailbed.analysis.percentiles import percentile
from tailbed.experiment.core_stalls import measure_stalls
from tailbed.experiment.placement import permitted_niceness, place
from tailbed.planning.balancers import compare, installed
from tailbed.planning.balancers.measuring import Bench
from tailbed.planning.core_readings import slowness_of
from tailbed.planning.fleet import ReplicaModel
from tailbed.planning.fleet.core_speed import ALWAYS_AS_FAST, Slowness
from tailbed.planning.fleet.simulation import simulate
from tailbed.results.decisions import CapacityPlan
from tailbed.results.folder import ExperimentFolder
from tailbed.results.schema import RunResult
from tailbed.suite import Suite
from tests.performance.waiting_replicas import WaitingReplicas

FITTED, HELD_OUT = ("15%", "40%", "60%"), ("30%", "50%", "70%")
# Artifact, stacks, seconds of a run: a slow model needs longer runs for as many requests.
DEPLOYMENTS = (
    ("bert-mini/onnx", ("fastapi", "grpc"), 30),
    ("resnet18/openvino/int8-static", ("fastapi", "grpc"), 45),
    ("digits/onnx", ("fastapi", "grpc"), 10),
    ("digits/torchscript", ("grpc",), 10),
)
SLOW_MS = 1.0
PARTS = ("rates", "search", "balancers")
NEEDED_ERROR, NEEDED_SHARE, NEEDED_SEARCH = 0.15, 0.8, 0.10
REPETITIONS = 20
WAITING_MS = 3.0
LOADS = (0.4, 0.7)
"""Of what two waiting replicas can do."""


def command(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "tailbed", *arguments], stdout=subprocess.DEVNULL, check=True)


def measure_rates(folder: Path, quick: bool, chosen: tuple[str, ...]) -> list[Path]:
    folders = []
    for number, (artifact, stacks, seconds) in enumerate(DEPLOYMENTS[-1:] if quick else DEPLOYMENTS):
        if not artifact.startswith(chosen):
            continue
        suite = {
            "name": f"rates-{number}",
            "artifacts": [artifact],
            "stacks": list(stacks),
            "scenarios": [{"kind": "open", "rates": [*FITTED, *HELD_OUT]}],
            "duration_s": 4 if quick else seconds,
            "warmup_s": 2,
            "steady_limit_s": 15,
            "blocks": 1 if quick else 3,
            "keep_awake": True,
        }
        file = folder / f"rates-{number}.yaml"
        file.write_text(yaml.safe_dump(suite))
        folders.append(folder / f"rates-{number}")
        command("bench", str(file), "--out", str(folders[-1]))
    return folders


@dataclass(frozen=True)
class Measured:
    """A VALID run whose P99 stands."""

    p99_ms: float
    p50_ms: float
    rate: float
    found: Records
    slowness: Slowness

    @property
    def window_s(self) -> tuple[float, float]:
        """In seconds since the start of the load."""
        facts = self.found.facts
        start_ns = facts.load_start_ns
        return (facts.window_start_ns - start_ns) / 1e9, (facts.window_end_ns - start_ns) / 1e9

    def in_window(self) -> np.ndarray:
        """The slowness of the core there."""
        return self.slowness.at(np.arange(*self.window_s, 1.0))


def usable(folder: Path) -> dict[tuple[str, ...], dict[str, list[Measured]]]:
    """By deployment and share of the capacity."""
    results: dict[tuple[str, ...], dict[str, RunResult]] = defaultdict(dict)
    for path in sorted(folder.glob("runs/*/result.json")):
        result = RunResult.model_validate_json(path.read_bytes())
        if ".disturbed" not in path.parent.name and result.validity == "VALID" and result.p99_ms is not None:
            deployment = tuple(str(part) for part in (result.model, result.format, result.precision, result.server))
            results[deployment][f"runs/{path.parent.name}"] = result
    found: dict[tuple[str, ...], dict[str, list[Measured]]] = {}
    for deployment, runs in results.items():
        raw = {name: records.read(folder / name / records.NAME) for name in runs}
        cores = slowness_of(folder, raw)
        levels = found.setdefault(deployment, defaultdict(list))
        for name, result in runs.items():
            assert result.p99_ms is not None
            assert result.p50_ms is not None
            assert result.offered_rate is not None
            core = cores.get(name, ALWAYS_AS_FAST)
            measured = Measured(result.p99_ms, result.p50_ms, result.offered_rate, raw[name], core)
            levels[result.scenario.removeprefix("poisson ")].append(measured)
    return found


def predicted_rates(folders: Sequence[Path]) -> bool:
    print("P99 in ms at rates that the model has not seen; runs: how many, and the highest over the lowest")
    head = "rate     busy slower  predicted  measured   runs        error  without"
    print(f"{'deployment':<45}{head}")
    errors: dict[bool, list[tuple[float, float] | None]] = {True: [], False: []}
    repeated: dict[bool, list[float]] = {True: [], False: []}
    by_themselves: list[float] = []
    for folder in folders:
        for deployment, levels in usable(folder).items():
            fitted = [each for share in FITTED for each in levels[share]]
            if sum(bool(levels[share]) for share in FITTED) < 2:
                print(f"{' '.join(deployment):<39} not enough VALID, undisturbed runs to make a model of")
                continue
            slow = min(each.p50_ms for runs in levels.values() for each in runs) >= SLOW_MS
            raw = [each.found for each in fitted]
            model, plain = ReplicaModel.fit(raw, cores=[each.slowness for each in fitted]), ReplicaModel.fit(raw)
            by_themselves += [by_itself(each) for runs in levels.values() for each in runs]
            errors[slow] += [row(deployment, share, model, plain, levels[share]) for share in HELD_OUT]
            repeated[slow] += [
                one.p99_ms / another.p99_ms - 1 for share in HELD_OUT for one, another in pairwise(levels[share])
            ]
    for slow, found in errors.items():
        known = [each for each in found if each is not None]
        print(
            f"requests of {'a millisecond or more' if slow else 'less'}: {within(error for error, _ in known)} of "
            f"{len(known)} within {NEEDED_ERROR:.0%}; {len(found) - len(known)} more have no undisturbed run\n"
            f"  without the core's speed {within(error for _, error in known)} of {len(known)}, "
            f"of one run as another's prediction {within(repeated[slow])} of {len(repeated[slow])}"
        )
    if by_themselves:
        off = np.exp(np.mean(np.log1p(by_themselves))) - 1
        print(f"every run by a model that is made of it alone: {off:+.0%} on average over {len(by_themselves)}")
    print()
    judged = [each[0] for each in errors[True] if each is not None]
    return bool(judged) and within(judged) >= NEEDED_SHARE * len(judged)


def within(errors: Iterable[float]) -> int:
    """How many are as small as they need be."""
    return sum(abs(error) <= NEEDED_ERROR for error in errors)


def row(
    deployment: tuple[str, ...], share: str, model: ReplicaModel, plain: ReplicaModel, runs: list[Measured]
) -> tuple[float, float] | None:
    """Prints a prediction; returns its relative error and that of the one without the core's speed."""
    named = f"{' '.join(deployment):<39} {share:>4}"
    if not runs:
        print(f"{named}  no VALID, undisturbed run")
        return None
    measured_ms = [each.p99_ms for each in runs]
    told = [simulated(model.on([each.slowness]), each, number) for each in runs for number in range(REPETITIONS)]
    without = [simulated(plain, each, number)[0] for each in runs for number in range(REPETITIONS)]
    figures, busy = zip(*told, strict=True)
    slower = np.mean([each.in_window().mean() for each in runs]) - 1
    error, error_without = (mean(each) / mean(measured_ms) - 1 for each in (figures, without))
    spread = max(measured_ms) / min(measured_ms) - 1
    print(
        f"{named} {np.mean([each.rate for each in runs]):>6.0f}/s {np.mean(busy):>5.0%} {slower:>+6.0%} "
        f"{mean(figures):>10.3g} {mean(measured_ms):>9.3g}  {len(runs)}, {spread:>+5.0%}"
        f" {error:>+8.0%} {error_without:>+8.0%}"
    )
    return error, error_without


def mean(figures: Sequence[float]) -> float:
    """The geometric one."""
    return float(np.exp(np.log(figures).mean()))


def by_itself(measured: Measured) -> float:
    """How far the P99 of a run is off that a model made of nothing else has: what the model cannot express.

    Its times have in them how fast the core was.
    """
    model = ReplicaModel.fit([measured.found])
    return mean([simulated(model, measured, number)[0] for number in range(REPETITIONS)]) / measured.p99_ms - 1


def simulated(model: ReplicaModel, run: Measured, seed: int) -> tuple[float, float]:
    """P99 in ms of a simulated run with the arrivals of a measured one, and the share of the time that it is busy."""
    sent_s = np.sort(run.found.sent_ns - run.found.facts.load_start_ns) / 1e9
    once = simulate(model, sent_s, 1, None, np.random.default_rng(seed))
    return 1e3 * percentile(once.response_s[sent_s >= run.window_s[0]], 0.99), once.busy


def search(folder: Path, quick: bool) -> bool:
    out = folder / "search"
    arguments = ["plan", "digits/onnx", "--with", "fastapi", "--slo", "p99=5ms", "--rate", "20000", "--sweep"]
    if quick:
        arguments += ["--duration", "4", "--runs", "1"]
    command(*arguments, "--out", str(out))
    plan = ExperimentFolder(out).read_decision(CapacityPlan)
    assert plan is not None
    good = True
    print("the highest rate within the objective      found    by a fine sweep    difference")
    for each in plan.deployments:
        found, swept = each.highest.per_s, each.swept
        ratio = found / swept - 1 if found and swept else None
        good = good and ratio is not None and abs(ratio) <= NEEDED_SEARCH
        shown = "-" if ratio is None else f"{ratio:+.1%}"
        print(
            f"{f'{each.model}/{each.format} on {each.server}':<38} {found or 0:>9.0f} {swept or 0:>18.0f} {shown:>13}"
        )
    print()
    return good


def balancers(folder: Path, quick: bool) -> bool:
    write_pool(folder / "pool.npz", {"image": np.random.default_rng(0).random((64, 1, 8, 8), dtype=np.float32)})
    suite = Suite.model_validate(
        {
            "name": "balancers",
            "models": ["digits"],
            "formats": ["onnx"],
            "stacks": ["fastapi"],
            "scenarios": [{"kind": "closed"}],
            "warmup_s": 2,
            "steady_limit_s": None,
            "duration_s": 4 if quick else 20,
            "attempts": 1 if quick else 2,
        }
    )
    placement = place(measure_stalls(nice=permitted_niceness()))
    replicas = WaitingReplicas(WAITING_MS, folder / "pool.npz")
    rates = [load * 2 / (WAITING_MS / 1e3) for load in LOADS]
    print(f"two replicas, {replicas.title} each, behind a real balancer; ms")
    print("program          balancer            rate     figure  predicted  measured   error")
    good = True
    for program in installed():
        bench = Bench(replicas, program, "poisson", suite, placement, 2, lambda _: None)
        for found in compare(bench, None, rates=rates, folder=folder / "validate" / "waiting" / program.command):
            for each in found.predictions:
                good = good and abs(each.error) <= NEEDED_ERROR
                print(
                    f"{found.program:<16} {found.balancer:<17} {each.rate:>6.0f}/s {each.figure:>8} "
                    f"{each.predicted_ms:>10.3g} {each.measured_ms:>9.3g} {each.error:>+7.0%}"
                )
            good = good and bool(found.predictions)
            if not found.predictions:
                print(f"{found.program:<16} {found.balancer:<17} {found.note}")
        print(f"  {found.note}")
    print()
    return good


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="short runs: whether it runs, and no evidence")
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--deployments", default="", help="beginnings of names, by commas: only those are measured")
    parser.add_argument("--from", dest="origins", type=Path, action="append", help="an experiment with the rates")
    parser.add_argument("--out", type=Path, help="keep what is measured in this folder")
    arguments = parser.parse_args()
    began = time.monotonic()
    parts = arguments.parts.split(",")
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.out or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        good = []
        if "rates" in parts:
            measured = arguments.origins or measure_rates(
                folder, arguments.quick, tuple(arguments.deployments.split(","))
            )
            good.append(predicted_rates(measured))
        if "search" in parts:
            good.append(search(folder, arguments.quick))
        if "balancers" in parts:
            good.append(balancers(folder, arguments.quick))
    print(f"{time.monotonic() - began:.0f} s")
    return int(not all(good))


if __name__ == "__main__":
    raise SystemExit(main())
