"""What the load engine holds on one core against a null server, next to its peers in the same run.

    python -m tests.performance.engine [--seconds 5] [--rates 5000,15000] [--repeats 1] [--over http|grpc|both]

The engine and its peers (stock Locust, grpc.aio) take turns on one core, the null server has another one.
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
from servers.oip import grpc, http

RATES = (5_000, 10_000, 15_000, 20_000, 30_000)
NEEDED_RATES = {"http": 15_000, "grpc": 8_000}
NEEDED_LAG_US = 50.0
PEER_USERS = (1, 4, 16, 64)
GEVENT_RATES = (500, 2_000)
GRPC_AIO_RATES = (500, 2_000, 4_000, 8_000)
HERE = Path(__file__).parent
INPUTS = {"image": np.random.default_rng(0).random((64, 1, 8, 8), dtype=np.float32)}


@contextmanager
def null_server(protocol: str, core: int):
    argv = [sys.executable, "-m", "loadtest.null_server", "--protocol", protocol, "--core", str(core)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield int(process.stdout.readline().split()[1])
        finally:
            process.terminate()


def engine(scheme: str, port: int, core: int, scenario: OpenLoop | ClosedLoop, seconds: float) -> records.Records:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_pool(folder / "pool.npz", INPUTS)
        plan = LoadPlan(
            protocol=f"oip-{scheme}",
            url=f"{scheme}://127.0.0.1:{port}",
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
        f"{label:<30}{achieved:>12,.0f}{lag_50:>12.1f}{lag_99:>12.1f}{np.median(response_us):>14.1f}{busy:>10.0%}"
        + ("" if found.facts.spinning else "   (no core of its own)")
    )
    return achieved, lag_50


def peer(argv: list[str], core: int, environment: dict[str, str]) -> str:
    return subprocess.run(
        [sys.executable, *argv],
        env={**os.environ, **environment},
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout


def locust(file: str, url: str, core: int, users: int, seconds: float, environment: dict[str, str]) -> float:
    argv = ["-m", "locust", "-f", str(HERE / file), "--headless", "--skip-log", "--json"]
    argv += ["--host", url, "-u", str(users), "-r", str(users), "-t", f"{seconds:.0f}s"]
    (entry,) = json.loads(peer(argv, core, environment))
    if entry["num_failures"]:
        sys.exit(f"{entry['num_failures']} requests of the peer failed")
    return entry["num_requests"] / (entry["last_request_timestamp"] - entry["start_time"])


def over_http(core: int, server_core: int, arguments: argparse.Namespace, folder: Path) -> str:
    message = http.encode_request({name: array[:1] for name, array in INPUTS.items()})
    body = folder / "body"
    body.write_bytes(message.body)
    environment = {"PEER_BODY": str(body), "PEER_JSON_SIZE": str(message.json_size)}
    with null_server("oip-http", server_core) as port:
        verdict = own_rows("http", port, core, arguments)
        for users in PEER_USERS:
            found = locust("fast_http_user.py", f"http://127.0.0.1:{port}", core, users, arguments.seconds, environment)
            print(f"{f'FastHttpUser, {users} users':<30}{found:>12,.0f}")
        for rate in GEVENT_RATES:
            argv = [str(HERE / "gevent_open_loop.py"), "127.0.0.1", str(port), str(rate), str(arguments.seconds)]
            lag_50, lag_99, sent = map(float, peer(argv, core, environment).split())
            print(
                f"{f'gevent, Poisson {rate:,}/s':<30}{sent / arguments.seconds:>12,.0f}{lag_50:>12.1f}{lag_99:>12.1f}"
            )
    return verdict


def over_grpc(core: int, server_core: int, arguments: argparse.Namespace, folder: Path) -> str:
    inputs = {name: array[:1] for name, array in INPUTS.items()}
    body = folder / "message"
    body.write_bytes(grpc.encode_request("null", inputs).SerializeToString())
    environment = {"PEER_BODY": str(body)}
    with null_server("oip-grpc", server_core) as port:
        verdict = own_rows("grpc", port, core, arguments)
        for rate in GRPC_AIO_RATES:
            argv = [str(HERE / "grpc_aio_open_loop.py"), f"127.0.0.1:{port}", str(rate), str(arguments.seconds)]
            lag_50, lag_99, answered, response = map(float, peer(argv, core, environment).split())
            print(
                f"{f'grpc.aio, Poisson {rate:,}/s':<30}{answered / arguments.seconds:>12,.0f}"
                f"{lag_50:>12.1f}{lag_99:>12.1f}{response:>14.1f}"
            )
        for users in PEER_USERS:
            found = locust(
                "gevent_grpc_user.py", f"grpc://127.0.0.1:{port}", core, users, arguments.seconds, environment
            )
            print(f"{f'gevent gRPC in Locust, {users} users':<30}{found:>12,.0f}")
    return verdict


def own_rows(scheme: str, port: int, core: int, arguments: argparse.Namespace) -> str:
    held = []
    for _ in range(arguments.repeats):
        for rate in arguments.rates:
            found = engine(scheme, port, core, OpenLoop(rate=rate), arguments.seconds)
            achieved, lag_us = row(f"engine, Poisson {rate:,.0f}/s", found, arguments.seconds)
            if achieved >= 0.99 * rate and lag_us < NEEDED_LAG_US:
                held.append(rate)
        for clients in (1, 16):
            found = engine(scheme, port, core, ClosedLoop(concurrency=clients), arguments.seconds)
            row(f"engine, closed x{clients}", found, arguments.seconds)
    needed = NEEDED_RATES[scheme]
    verdict = "held" if any(rate >= needed for rate in held) else "NOT held"
    return f"{scheme}: {needed:,} requests/s on one core with a median lag under {NEEDED_LAG_US:g} us: {verdict}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--rates", type=lambda text: tuple(map(float, text.split(","))), default=RATES)
    parser.add_argument("--over", choices=("http", "grpc", "both"), default="both")
    arguments = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    server, client = cores[0], cores[-1]
    print(f"client on core {client}, null server on core {server}; {arguments.seconds:g} s each")
    verdicts = []
    for scheme, measure in (("http", over_http), ("grpc", over_grpc)):
        if arguments.over in (scheme, "both"):
            print(
                f"\n{scheme:<30}{'requests/s':>12}{'lag P50 us':>12}{'lag P99 us':>12}{'resp. P50 us':>14}{'busy':>10}"
            )
            with tempfile.TemporaryDirectory() as folder:
                verdicts.append(measure(client, server, arguments, Path(folder)))
    print("", *verdicts, sep="\n")


if __name__ == "__main__":
    main()
