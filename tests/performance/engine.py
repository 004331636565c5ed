"""What the load engine holds on one core against a null server, next to stock Locust in the same run.

    python -m tests.performance.engine [--seconds 5] [--rates 5000,15000] [--repeats 1]

The engine and its peers take turns on one core, the null server has another one.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from loadtest import records
from loadtest.inputs import write_pool
from loadtest.plan import LoadPlan, write_plan
from loadtest.scenario import ClosedLoop, OpenLoop
from servers.oip import http

RATES = (5_000, 10_000, 15_000, 20_000, 30_000)
NEEDED_RATE, NEEDED_LAG_US = 15_000, 50.0
PEER_USERS = (1, 4, 16, 64)
GEVENT_RATES = (500, 2_000)
HERE = Path(__file__).parent
INPUTS = {"image": np.random.default_rng(0).random((64, 1, 8, 8), dtype=np.float32)}


@contextmanager
def null_server(core: int):
    argv = [sys.executable, "-m", "loadtest.null_server", "--core", str(core)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield int(process.stdout.readline().split()[1])
        finally:
            process.terminate()


def engine(port: int, core: int, scenario: OpenLoop | ClosedLoop, seconds: float) -> records.Records:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_pool(folder / "pool.npz", INPUTS)
        plan = LoadPlan(
            protocol="oip-http",
            url=f"http://127.0.0.1:{port}",
            model="null",
            pool=folder / "pool.npz",
            scenario=scenario,
            warmup_s=1,
            duration_s=seconds,
            core=core,
        )
        write_plan(folder, plan)
        argv = [sys.executable, "-m", "loadtest.engine", str(folder)]
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            events = process.stdout.read()
        if process.returncode:
            sys.exit(events)
        return records.read(folder / records.NAME)


def row(label: str, found: records.Records, seconds: float) -> tuple[float, float]:
    """Print one run; returns its achieved rate and its median lag."""
    measured = ~found.warmup
    ok = measured & (found.outcome == records.Outcome.OK)
    lag_us = (found.sent_ns - found.intended_ns)[measured] / 1e3
    response_us = (found.done_ns - found.intended_ns)[ok] / 1e3
    achieved = np.count_nonzero(ok) / seconds
    lag_50, lag_99 = np.percentile(lag_us, [50, 99])
    busy = found.facts.client_busy or 0
    print(
        f"{label:<26}{achieved:>12,.0f}{lag_50:>12.1f}{lag_99:>12.1f}{np.median(response_us):>14.1f}{busy:>10.0%}"
        + ("" if found.facts.spinning else "   (no core of its own)")
    )
    return achieved, lag_50


def peer(argv: list[str], core: int, port: int, folder: Path) -> str:
    message = http.encode_request({name: array[:1] for name, array in INPUTS.items()})
    body = folder / "body"
    body.write_bytes(message.body)
    return subprocess.run(
        [sys.executable, *argv],
        env={**os.environ, "PEER_BODY": str(body), "PEER_JSON_SIZE": str(message.json_size)},
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout


def fast_http_user(port: int, core: int, users: int, seconds: float, folder: Path) -> float:
    argv = ["-m", "locust", "-f", str(HERE / "fast_http_user.py"), "--headless", "--skip-log", "--json"]
    argv += ["--host", f"http://127.0.0.1:{port}", "-u", str(users), "-r", str(users), "-t", f"{seconds:.0f}s"]
    (entry,) = json.loads(peer(argv, core, port, folder))
    if entry["num_failures"]:
        sys.exit(f"{entry['num_failures']} requests of the peer failed")
    return entry["num_requests"] / (entry["last_request_timestamp"] - entry["start_time"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--rates", type=lambda text: tuple(map(float, text.split(","))), default=RATES)
    arguments = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    server, client = cores[0], cores[-1]
    print(f"client on core {client}, null server on core {server}; {arguments.seconds:g} s each\n")
    print(f"{'':<26}{'requests/s':>12}{'lag P50 us':>12}{'lag P99 us':>12}{'resp. P50 us':>14}{'busy':>10}")
    held = []
    with null_server(server) as port, tempfile.TemporaryDirectory() as folder:
        for _ in range(arguments.repeats):
            for rate in arguments.rates:
                found = engine(port, client, OpenLoop(rate=rate), arguments.seconds)
                achieved, lag_us = row(f"engine, Poisson {rate:,.0f}/s", found, arguments.seconds)
                if achieved >= 0.99 * rate and lag_us < NEEDED_LAG_US:
                    held.append(rate)
            row(
                "engine, closed x1",
                engine(port, client, ClosedLoop(concurrency=1), arguments.seconds),
                arguments.seconds,
            )
            row(
                "engine, closed x16",
                engine(port, client, ClosedLoop(concurrency=16), arguments.seconds),
                arguments.seconds,
            )
            for users in PEER_USERS:
                achieved = fast_http_user(port, client, users, arguments.seconds, Path(folder))
                print(f"{f'FastHttpUser, {users} users':<26}{achieved:>12,.0f}")
            for rate in GEVENT_RATES:
                argv = [str(HERE / "gevent_open_loop.py"), "127.0.0.1", str(port), str(rate), str(arguments.seconds)]
                lag_50, lag_99, sent = map(float, peer(argv, client, port, Path(folder)).split())
                achieved = sent / arguments.seconds
                print(f"{f'gevent, Poisson {rate:,}/s':<26}{achieved:>12,.0f}{lag_50:>12.1f}{lag_99:>12.1f}")
    verdict = "held" if any(rate >= NEEDED_RATE for rate in held) else "NOT held"
    print(f"\n{NEEDED_RATE:,} requests/s on one core with a median lag under {NEEDED_LAG_US:g} us: {verdict}")


if __name__ == "__main__":
    main()
