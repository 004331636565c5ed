"""What one scrape of each server's metrics costs that server.

    python -m tests.performance.scrapes [--scrapes 200] [--repetitions 5]

Each server serves digits and has answered some requests, and then does nothing else. A repetition counts the CPU time
of all of its processes over so many scrapes, less what it takes without any in the same time. Servers that are not
installed here are left out.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import psutil
import urllib3

from exporters import Artifact, ArtifactStore
from servers import STACKS, Deployment, RunningServer, connect, start
from tailbed.experiment.exporting import export_artifact

FORMATS = {"fastapi": "onnx", "grpc": "onnx", "triton-http": "onnx", "torchserve-rest": "torchscript"}
REQUESTS = 200
IDLE_S = 5.0
ACCEPTED = {
    "Accept": "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
    "Accept-Encoding": "gzip",
}
"""As Prometheus asks."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scrapes", type=int, default=200, help="in a repetition")
    parser.add_argument("--repetitions", type=int, default=5)
    told = parser.parse_args()
    print(
        f"{'stack':16} {'CPU ms a scrape (least, median, most)':>38} {'ms until the answer (median)':>30} {'bytes':>7}"
    )
    for stack, format in FORMATS.items():
        if lacking := STACKS.get(stack).missing():
            print(f"{stack:16} left out: {lacking}")
            continue
        artifact = export_artifact("digits", format, "fp32", ArtifactStore())
        with tempfile.TemporaryDirectory() as folder, start(Deployment(artifact, stack), folder=Path(folder)) as server:
            _ask(server, artifact)
            _scrape(server, told.scrapes)  # what is compiled or cached is so from then on
            costs, lengths = zip(*(_cost(server, told.scrapes) for _ in range(told.repetitions)), strict=True)
            size = len(_scrape(server, 1)[1])
        spread = " ".join(f"{ms:.2f}" for ms in (min(costs), statistics.median(costs), max(costs)))
        print(f"{stack:16} {spread:>38} {statistics.median(lengths):30.2f} {size:7}", flush=True)


def _ask(server: RunningServer, artifact: Artifact) -> None:
    at = server.endpoint
    one = {name: each[:1] for name, each in artifact.answers().inputs.items()}
    with connect(at.url, protocol=at.protocol, timeout_s=20) as client:
        for _ in range(REQUESTS):
            client.infer(at.model, one)


def _cost(server: RunningServer, scrapes: int) -> tuple[float, float]:
    """Milliseconds of CPU time a scrape, and the median of those until its answer."""
    before_s = _cpu_s(server)
    time.sleep(IDLE_S)
    idle = (_cpu_s(server) - before_s) / IDLE_S
    before_s, began_s = _cpu_s(server), time.monotonic()
    lengths_s, _ = _scrape(server, scrapes)
    used_s = _cpu_s(server) - before_s - idle * (time.monotonic() - began_s)
    return used_s / scrapes * 1e3, statistics.median(lengths_s) * 1e3


def _scrape(server: RunningServer, times: int) -> tuple[list[float], bytes]:
    """How many seconds each takes, over one connection, and what the last one said."""
    assert server.endpoint.metrics_url
    lengths_s, said = [], b""
    with urllib3.PoolManager(headers=ACCEPTED) as pool:
        for _ in range(times):
            began_s = time.monotonic()
            said = pool.request("GET", server.endpoint.metrics_url).data
            lengths_s.append(time.monotonic() - began_s)
    return lengths_s, said


def _cpu_s(server: RunningServer) -> float:
    """Of all its processes."""
    process = psutil.Process(server.process.pid)
    times = [each.cpu_times() for each in (process, *process.children(recursive=True))]
    return sum(each.user + each.system for each in times)


if __name__ == "__main__":
    main()
