"""tailbed and NVIDIA's perf_analyzer on the same real tritonserver, in turn: do they measure the same?

    python -m tests.performance.perf_analyzer --perf-analyzer ENVIRONMENT [--repetitions 8] [--seconds 6]
        [--compute-us 1000]

The server is that of ``tailbed install triton``; ENVIRONMENT is a virtual environment with tritonclient 2.51.0 (``make
perf-peers`` makes both). A repetition starts a fresh server and offers it closed loops of 1, 2 and 4 clients over HTTP
and gRPC, in an order of its own; at each the tools take turns, in an order of their own: tailbed as it is used,
spinning on a core of its own; tailbed asleep while it waits, as perf_analyzer is; and perf_analyzer. All are bound to
the same core with the same niceness, the server is bound to the others. The model computes for a known time, one
request at a time.

perf_analyzer measures as it does by default, but that it looks at the median: until throughput and median of three
windows in a row agree within 10%, of ten windows at most; it reports all requests of these three. tailbed measures as
long as three windows, after a second of warm-up. No tool's runs are left out for what the machine did to them, so no
percentile is taken back either: both are of all requests.

They agree where the ranges of their medians over the repetitions overlap. Exits with 1 where perf_analyzer's range
overlaps neither that of tailbed as it is used nor that of tailbed asleep.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

import loadtest
from loadtest.plan import AnswerCheck, LoadPlan
from loadtest.scenario import ClosedLoop
from models import TailbedError
from servers import SupervisedProcess
from servers.triton.installation import Installation
from tailbed.analysis.percentiles import percentile
from tailbed.analysis.run import Subject, summarize
from tailbed.analysis.times import response_ms
from tailbed.experiment.core_stalls import measure_stalls
from tailbed.experiment.environment import describe_environment
from tailbed.experiment.placement import Placement, permitted_niceness, place
from tailbed.results.folder import ExperimentFolder
from tests.performance.perf_analyzer_table import PEER, SPINNING, TOOLS, Sample, conclude, notes
from tests.performance.triton import MODEL, PerfAnalyzer, Triton, installed, serve, write_pool

CLIENTS = (1, 2, 4)
WINDOWS = 3
MOST_WINDOWS = 10
WARMUP_S = 1.0
PATIENCE_S = 60.0


@dataclass(frozen=True)
class Bench:
    installation: Installation
    perf_analyzer: PerfAnalyzer
    placement: Placement
    seconds: float
    folder: Path

    def measure(self, triton: Triton, repetition: int, protocol: str, clients: int, tool: str) -> Sample:
        folder = self.folder / f"{repetition:02d}-{protocol}-{clients}-{tool.replace(' ', '-')}"
        folder.mkdir()
        before = triton.requests()
        address = triton.http if protocol == "http" else triton.grpc
        figures = (
            self._perf_analyzer(folder, protocol, address, clients)
            if tool == PEER
            else self._tailbed(folder, protocol, address, clients, spinning=tool == SPINNING)
        )
        count, took_ns = (after - was for after, was in zip(triton.requests(), before, strict=True))
        return Sample(repetition, protocol, clients, tool, *figures[:3], took_ns / max(count, 1) / 1e3, figures[3])

    def _tailbed(
        self, folder: Path, protocol: str, address: str, clients: int, *, spinning: bool
    ) -> tuple[float, float, float, str]:
        core = self.placement.client
        plan = LoadPlan(
            protocol=f"oip-{protocol}",
            url=f"{protocol}://{address}",
            model=MODEL,
            pool=self.folder / "pool.npz",
            check=AnswerCheck(),
            scenario=ClosedLoop(concurrency=clients),
            warmup_s=WARMUP_S,
            duration_s=self.seconds,
            # Without a core that is said to be its own it sleeps; it is bound all the same, with Locust.
            core=core if spinning else None,
            nice=self.placement.nice,
        )
        records = loadtest.run(plan, folder, driver_cores=None if core is None else (core,))
        if records.facts.spinning is not spinning:
            raise TailbedError("the load engine does not wait as it was told")
        result = summarize(records, plan, Subject(model=MODEL))
        took_us = 1e3 * response_ms(records)
        doubts = [*result.reasons, *(result.missing[field] for field in result.disturbed)]
        return percentile(took_us, 0.5), percentile(took_us, 0.99), result.throughput, "; ".join(doubts)

    def _perf_analyzer(
        self, folder: Path, protocol: str, address: str, clients: int
    ) -> tuple[float, float, float, str]:
        core = self.placement.client
        argv = [
            str(self.perf_analyzer.program),
            "-m",
            MODEL,
            "-i",
            protocol,
            "-u",
            address,
            "-f",
            str(folder / "out.csv"),
        ]
        argv += ["--concurrency-range", str(clients), "--measurement-interval", f"{1e3 * self.seconds / WINDOWS:.0f}"]
        argv += ["--max-trials", str(MOST_WINDOWS), "--percentile", "50", "--sync"]
        with SupervisedProcess.start(
            argv,
            log=folder / "perf_analyzer.log",
            env=self.perf_analyzer.variables,
            cores=None if core is None else (core,),
            nice=self.placement.nice,
        ) as process:
            try:
                code = process.wait(PATIENCE_S + MOST_WINDOWS * self.seconds)
            except subprocess.TimeoutExpired as error:
                raise TailbedError("perf_analyzer does not come to an end") from error
        rows = list(csv.DictReader((folder / "out.csv").open())) if (folder / "out.csv").exists() else []
        if code or not rows:
            last = process.log.read_text().strip().splitlines()[-1:]
            raise TailbedError(f"perf_analyzer ended with {code}: {' '.join(last)}")
        (row,) = rows
        return float(row["p50 latency"]), float(row["p99 latency"]), float(row["Inferences/Second"]), ""


def repeat(bench: Bench, arguments: argparse.Namespace, samples: list[Sample], failures: list[str]) -> None:
    """All repetitions; each sample goes to the list and to the file as soon as it is there."""
    loads = [(protocol, clients) for protocol in ("http", "grpc") for clients in arguments.clients]
    rng = np.random.default_rng(arguments.seed)
    with (bench.folder / "samples.jsonl").open("w") as kept:
        for repetition in range(1, arguments.repetitions + 1):
            with serve(
                bench.installation,
                bench.folder / f"{repetition:02d}-server",
                compute_us=arguments.compute_us,
                cores=bench.placement.server,
                nice=bench.placement.nice,
            ) as triton:
                for index in rng.permutation(len(loads)).tolist():
                    for tool in rng.permutation(TOOLS).tolist():
                        try:
                            samples.append(bench.measure(triton, repetition, *loads[index], tool))
                            kept.write(json.dumps(asdict(samples[-1])) + "\n")
                            kept.flush()
                        except TailbedError as error:
                            failures.append(f"repetition {repetition}, {loads[index]}, {tool}: {error}")
            print(f"repetition {repetition} of {arguments.repetitions}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--perf-analyzer", type=Path, required=True, metavar="ENVIRONMENT")
    parser.add_argument("--repetitions", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=6, help="measured length of a run")
    parser.add_argument("--compute-us", type=int, default=1_000)
    parser.add_argument("--clients", type=lambda text: tuple(map(int, text.split(","))), default=CLIENTS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path(time.strftime("build/perf-peers-%Y%m%d-%H%M%S")))
    arguments = parser.parse_args()
    samples: list[Sample] = []
    failures: list[str] = []
    try:
        folder = ExperimentFolder.create(arguments.out.resolve())
        installation = installed()
        perf_analyzer = PerfAnalyzer.of(arguments.perf_analyzer, installation, folder.path / "lib")
        placement = place(measure_stalls(nice=permitted_niceness()))
        folder.write_environment(describe_environment(placement))
        write_pool(folder.path / "pool.npz")
        bench = Bench(installation, perf_analyzer, placement, arguments.seconds, folder.path)
        print(
            f"{arguments.repetitions} repetitions, {arguments.seconds:g} s a run, the model takes"
            f" {arguments.compute_us} us; server on {placement.server}, clients on {placement.client},"
            f" niceness {placement.nice}; kept in {folder.path}"
        )
        repeat(bench, arguments, samples, failures)
    except KeyboardInterrupt:
        failures.append("INTERRUPTED")
    except (TailbedError, OSError) as error:
        print(error, file=sys.stderr)
        failures.append(str(error))
    lines, agreed = conclude(samples)
    lines += ["", *notes(samples, failures), f"they agree: {'yes' if agreed else 'NO'}"]
    if arguments.out.is_dir():
        (arguments.out / "table.txt").write_text("\n".join(lines) + "\n")
    print("", *lines, sep="\n")
    return int(not agreed or bool(failures))


if __name__ == "__main__":
    raise SystemExit(main())
