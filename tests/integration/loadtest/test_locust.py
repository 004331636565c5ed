"""Locust drives the engine: its command line, its page and its statistics work as its users expect."""

import csv
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import urllib3

import loadtest
from loadtest import records
from loadtest.arrivals import schedule
from loadtest.plan import read_plan
from loadtest.records import Records
from loadtest.scenario import Ramp
from servers.address import free_ports
from tests.integration.loadtest.test_engine import closed_port
from tests.integration.loadtest.test_null_server import null_server

LOCUSTFILE = Path(loadtest.__file__).with_name("locustfile.py")


@contextmanager
def locust(folder: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """Locust in ``folder``; killed at the end if it still runs."""
    argv = [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--records", str(folder / "records"), *options]
    with subprocess.Popen(argv, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def headless(folder: Path, *options: str) -> tuple[int, str]:
    """Run Locust to its end; returns its exit code and what it printed."""
    with locust(folder, "--headless", "--only-summary", *options) as process:
        output, _ = process.communicate(timeout=60)
        return process.returncode, output


def only_run(folder: Path) -> Path:
    (run,) = (folder / "records").iterdir()
    return run


def csv_totals(folder: Path) -> dict[str, str]:
    with (folder / "out_stats.csv").open() as file:
        (total,) = (row for row in csv.DictReader(file) if row["Name"] == "Aggregated")
    return total


def response_ms(found: Records) -> np.ndarray:
    return (found.done_ns - found.intended_ns) / 1e6


def test_an_open_loop_from_the_command_line(tmp_path: Path):
    with null_server() as (url, _):
        options = ("--host", url, "--model", "digits", "--scenario", "poisson", "--rate", "400", "--seed", "3")
        code, output = headless(
            tmp_path, *options, "--run-time", "3s", "--warmup", "1", "--csv", "out", "--html", "out.html"
        )
    assert code == 0, output
    found = records.read(only_run(tmp_path) / records.NAME)
    assert found.facts.finished
    plan = read_plan(only_run(tmp_path))
    assert (plan.warmup_s, plan.duration_s, plan.seed, plan.scenario.label) == (1, 2, 3, "poisson 400/s")
    total = csv_totals(tmp_path)
    assert int(total["Request Count"]) == len(found.outcome)
    assert int(total["Failure Count"]) == 0
    assert float(total["Average Response Time"]) == pytest.approx(response_ms(found).mean())
    assert float(total["Min Response Time"]) == pytest.approx(response_ms(found).min())
    assert float(total["Max Response Time"]) == pytest.approx(response_ms(found).max())
    assert (tmp_path / "out.html").read_text().startswith("<!DOCTYPE html>")


@contextmanager
def slow_to_begin(port: int, seconds: float) -> Iterator[str]:
    """A way to the port on which the first connection's bytes wait for so long, as those of a server that is busy."""

    def forward(source: socket.socket, sink: socket.socket, wait_s: float = 0.0) -> None:
        with source, sink:
            time.sleep(wait_s)
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def accept() -> None:
        wait_s = seconds
        with suppress(OSError):  # until it is closed
            while True:
                client, _ = listener.accept()
                server = socket.create_connection(("127.0.0.1", port))
                for way in ((client, server, wait_s), (server.dup(), client.dup())):
                    threading.Thread(target=quietly, args=way, daemon=True).start()
                wait_s = 0.0

    def quietly(*way: Any) -> None:
        with suppress(OSError):
            forward(*way)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


def test_the_whole_run_time_is_measured_however_long_the_server_takes_to_tell_of_its_model(tmp_path: Path):
    with null_server() as (url, _), slow_to_begin(int(url.rpartition(":")[2]), seconds=3) as slow:
        options = ("--host", slow, "--model", "digits", "--scenario", "constant", "--rate", "100")
        code, output = headless(tmp_path, *options, "--run-time", "1s", "--warmup", "0")
    assert code == 0, output
    found = records.read(only_run(tmp_path) / records.NAME)
    assert found.facts.finished
    assert len(found.outcome) == 100


def test_a_closed_loop_has_a_client_for_each_user_and_grows_as_they_are_spawned(tmp_path: Path):
    with null_server() as (url, _):
        options = ("--host", url, "--model", "digits", "-u", "3", "-r", "1", "--run-time", "4s", "--warmup", "0.5")
        code, output = headless(tmp_path, *options, "--core", "none", "--csv", "out")
    assert code == 0, output
    found = records.read(only_run(tmp_path) / records.NAME)
    assert int(csv_totals(tmp_path)["Request Count"]) == len(found.outcome)
    assert read_plan(only_run(tmp_path)).scenario.label == "closed x3"
    sent = np.concatenate([found.sent_ns, found.done_ns])
    change = np.repeat([1, -1], len(found.sent_ns))
    order = np.lexsort((change, sent))
    at_s, out = (sent[order] - sent.min()) / 1e9, np.cumsum(change[order])
    # The last user comes two seconds after the first one, and not much less after an engine that took long to start.
    assert out[at_s < 0.5].max() < 3
    assert out.max() == 3


def test_a_server_without_binary_tensors_is_asked_in_json_and_any_protocol_can_be_named(tmp_path: Path):
    for place, (served, given) in enumerate(
        (("oip-http-json", ()), ("oip-grpc-typed", ("--protocol", "oip-grpc-typed")))
    ):
        folder = tmp_path / str(place)
        folder.mkdir()
        with null_server("--protocol", served) as (url, _):
            code, output = headless(
                folder, "--host", url, "--model", "m", *given, "--run-time", "1s", "--warmup", "0.2"
            )
        assert code == 0, output
        assert read_plan(only_run(folder)).protocol == served
        assert ("it is asked in JSON" in output) == (not given)


def test_a_scenario_in_a_suites_words(tmp_path: Path):
    with null_server() as (url, _):
        options = ("--host", url, "--model", "digits", "--scenario", "{kind: ramp, from_rate: 0, to_rate: 200}")
        code, output = headless(tmp_path, *options, "--run-time", "3s", "--warmup", "1", "--seed", "2")
    assert code == 0, output
    plan = read_plan(only_run(tmp_path))
    assert plan.scenario == Ramp(from_rate=0, to_rate=200)
    found = records.read(only_run(tmp_path) / records.NAME)
    start_ns = found.facts.window_start_ns - 1_000_000_000
    assert np.array_equal(found.intended_ns - start_ns, schedule(plan.scenario, length_s=3, seed=2))


def test_failures_are_counted_by_what_they_are(tmp_path: Path):
    with null_server() as (url, server):
        options = ("--host", url, "--model", "digits", "--scenario", "constant", "--rate", "200", "--timeout", "1")
        with locust(tmp_path, "--headless", *options, "--run-time", "4s", "--warmup", "0", "--csv", "out") as process:
            while "reqs" not in (line := process.stdout.readline()) and line:
                pass
            time.sleep(2)
            server.kill()
            output, _ = process.communicate(timeout=60)
    assert process.returncode == 1, output
    found = records.read(only_run(tmp_path) / records.NAME)
    failed = np.count_nonzero(found.outcome)
    assert 0 < failed < len(found.outcome)
    total = csv_totals(tmp_path)
    assert (int(total["Request Count"]), int(total["Failure Count"])) == (len(found.outcome), failed)
    with (tmp_path / "out_failures.csv").open() as file:
        told = {row["Error"]: int(row["Occurrences"]) for row in csv.DictReader(file)}
    outcomes, counts = np.unique(found.outcome[found.outcome != 0], return_counts=True)
    assert told == dict(zip(map(records.outcome_name, outcomes.tolist()), counts.tolist(), strict=True))


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ((), "no target: give --host"),
        (("--host", "ftp://127.0.0.1:1", "--model", "m"), "ftp://127.0.0.1:1: not an endpoint"),
        (("--host", "http://[::1:80", "--model", "m"), "http://[::1:80: not an endpoint"),
        (("--host", "http://127.0.0.1:1"), "no model: give --model"),
        (("--host", "DEAD", "--model", "m"), "cannot connect"),
        (("--host", "LIVE", "--model", "m", "--inputs", "nowhere.npz"), "nowhere.npz: no such file"),
        (("--host", "LIVE", "--model", "m", "--scenario", "poisson", "--rate", "0"), "--rate: Input should be greater"),
        (("--host", "LIVE", "--model", "m", "--scenario", "ajar"), "scenario: kind: Input tag 'ajar'"),
        (("--host", "LIVE", "--model", "m", "--scenario", "{kind: ramp}"), "scenario: from_rate: Field required"),
        (
            ("--host", "LIVE", "--model", "m", "--scenario", "{kind: trace, path: no.csv}"),
            "no.csv: no such file",
        ),
        (("--host", "LIVE", "--model", "m", "--warmup", "9"), "--warmup 9 leaves nothing of a run time of 3 s"),
        (("--host", "LIVE", "--model", "m", "--core", "first"), "--core first: expected auto, none or the number"),
        (("--host", "LIVE", "--model", "m", "--core", "4000"), "core 4000: not one that this process may use"),
        (("--plan", "nowhere"), "nowhere/plan.json: no plan"),
    ],
)
def test_what_cannot_be_run_ends_with_one_line(tmp_path: Path, options: tuple[str, ...], reason: str):
    with null_server() as (url, _):
        named = {"LIVE": url, "DEAD": f"http://127.0.0.1:{closed_port()}"}
        code, output = headless(tmp_path, *(named.get(option, option) for option in options), "--run-time", "3s")
    assert code == 1
    assert "Traceback" not in output
    (line,) = re.findall(r"/ERROR/.*", output)
    assert reason in line


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_locust_and_the_engine_in_order(tmp_path: Path, number: signal.Signals):
    with null_server() as (url, _):
        options = ("--headless", "--host", url, "--model", "digits", "--scenario", "constant", "--rate", "100")
        with locust(tmp_path, *options, "--csv", "out") as process:
            while "All users spawned" not in (line := process.stdout.readline()) and line:
                pass
            time.sleep(1.5)
            process.send_signal(number)
            output, _ = process.communicate(timeout=30)
    assert process.returncode == 0, output
    found = records.read(only_run(tmp_path) / records.NAME)
    assert not found.facts.finished
    assert len(found.outcome) > 50
    assert int(csv_totals(tmp_path)["Request Count"]) == len(found.outcome)


def test_the_page_shows_the_options_starts_tests_and_stops_them(tmp_path: Path):
    port = free_ports("127.0.0.1", ("web",))["web"]
    page = f"http://127.0.0.1:{port}"
    with null_server() as (url, _), locust(tmp_path, "--web-host", "127.0.0.1", "--web-port", str(port)) as process:
        while "Starting web interface" not in process.stdout.readline():
            pass
        retries = urllib3.Retry(20, backoff_factor=0.1)
        shown = urllib3.request("GET", page, retries=retries).data.decode()
        assert '"scenario"' in shown
        assert '"rate"' in shown
        assert '"plan"' not in shown
        fields = {"user_count": "1", "spawn_rate": "1", "host": url, "model": "digits", "scenario": "constant"}
        for rate, count in (("50", 1), ("80", 2)):
            answer = urllib3.request("POST", f"{page}/swarm", fields=fields | {"rate": rate}).json()
            assert answer["success"], answer
            time.sleep(4)
            stats = urllib3.request("GET", f"{page}/stats/requests").json()
            assert stats["state"] == "running"
            assert stats["stats"][0]["name"] == "digits/infer"
            assert stats["stats"][0]["num_requests"] > 50
            assert urllib3.request("POST", f"{page}/stop").json()["success"]
            runs = sorted((tmp_path / "records").iterdir())
            assert len(runs) == count
            found = records.read(runs[-1] / records.NAME)
            assert not found.facts.finished
            assert len(found.outcome) >= stats["stats"][0]["num_requests"]
        process.terminate()
        process.communicate(timeout=30)
