"""Prometheus asks Locust's process while a run goes on, and what it has counted in the end is what the records say."""

import re
import time
from pathlib import Path

import numpy as np
import pytest
import urllib3
from prometheus_client.parser import text_string_to_metric_families

from loadtest import records
from servers.address import free_ports
from tests.integration.loadtest.test_locust import headless, locust, only_run
from tests.integration.loadtest.test_null_server import null_server
from tests.integration.loadtest.test_several_engines import local_master

LOAD = ("--model", "digits", "--scenario", "poisson", "--rate", "200", "--warmup", "0.5", "--core", "none")


def port_for(use: str) -> str:
    return str(free_ports("127.0.0.1", (use,))[use])


def scrape(port: str) -> dict[tuple[str, ...], float]:
    """By name, and by kind where there are kinds, summed over the rest."""
    answer = urllib3.request("GET", f"http://127.0.0.1:{port}/metrics", retries=urllib3.Retry(40, backoff_factor=0.1))
    assert answer.status == 200
    found: dict[tuple[str, ...], float] = {}
    for family in text_string_to_metric_families(answer.data.decode()):
        for sample in family.samples:
            key = (sample.name, *(sample.labels[name] for name in ("kind", "le") if name in sample.labels))
            found[key] = found.get(key, 0) + sample.value
    return found


def test_its_totals_are_those_of_the_records(tmp_path: Path):
    port, web = port_for("metrics"), port_for("web")
    page = f"http://127.0.0.1:{web}"
    options = ("--metrics-port", port, "--web-host", "127.0.0.1", "--web-port", web)
    with null_server() as (url, server), locust(tmp_path, *options, *LOAD, "--timeout", "1", "--host", url) as process:
        assert ("tailbed_requests_total",) not in scrape(port)
        fields = {"user_count": "1", "spawn_rate": "1", "host": url}
        assert urllib3.request("POST", f"{page}/swarm", fields=fields, retries=urllib3.Retry(20)).json()["success"]
        while scrape(port).get(("tailbed_requests_total",), 0) < 200:
            time.sleep(0.2)
        during = scrape(port)
        assert during["tailbed_offered_rate",] == 200
        assert during["tailbed_users",] == 1
        server.kill()
        time.sleep(2)
        assert urllib3.request("POST", f"{page}/stop").json()["success"]
        after = scrape(port)
        process.terminate()
        process.communicate(timeout=30)
    found = records.read(only_run(tmp_path) / records.NAME)
    assert during["tailbed_requests_total",] < after["tailbed_requests_total",] == len(found.outcome)
    assert ("tailbed_offered_rate",) not in after
    response_s = (found.done_ns - found.intended_ns) / 1e9
    assert after["tailbed_response_seconds_count",] == len(response_s)
    assert after["tailbed_response_seconds_sum",] == pytest.approx(response_s.sum())
    for bound in ("0.001", "0.01", "0.1"):
        assert after["tailbed_response_seconds_bucket", bound] == np.count_nonzero(response_s <= float(bound))
    outcomes, counts = np.unique(found.outcome[found.outcome != 0], return_counts=True)
    failed = {key[1]: value for key, value in after.items() if key[0] == "tailbed_failures_total" and value}
    assert failed == dict(zip(map(records.outcome_name, outcomes.tolist()), counts.tolist(), strict=True))
    assert failed


def test_each_worker_tells_its_own_part_and_the_master_none(tmp_path: Path):
    port, workers = port_for("metrics"), [port_for("metrics") for _ in range(2)]
    bound = local_master()
    to_master = (*bound[2:4], "--master-host", "127.0.0.1")
    expected = ("--master", *bound, "--expect-workers", "2", "--run-time", "5s")
    with null_server() as (url, _):
        options = ("--headless", "--only-summary", *expected, *LOAD, "--host", url, "--metrics-port", port)
        with (
            locust(tmp_path, *options) as master,
            locust(tmp_path, "--worker", *to_master, "--metrics-port", workers[0]),
            locust(tmp_path, "--worker", *to_master, "--metrics-port", workers[1]),
        ):
            while not all(scrape(worker).get(("tailbed_requests_total",), 0) > 20 for worker in workers):
                assert master.poll() is None
                time.sleep(0.2)
            during = [scrape(worker) for worker in workers]
            assert not any(name.startswith("tailbed_") for name, *_ in scrape(port))
            output, _ = master.communicate(timeout=60)
    assert master.returncode == 0, output
    assert [found["tailbed_offered_rate",] for found in during] == [100, 100]
    assert sum(found["tailbed_users",] for found in during) == 1


def test_locusts_own_processes_have_a_port_each(tmp_path: Path):
    first = int(port_for("metrics"))
    options = ("--headless", "--processes", "2", *local_master(), "--metrics-port", str(first), "--run-time", "6s")
    with null_server() as (url, _), locust(tmp_path, *options, *LOAD, "--host", url) as process:
        for port in (first, first + 1):
            while scrape(str(port)).get(("tailbed_requests_total",), 0) < 20:
                assert process.poll() is None
                time.sleep(0.2)
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--metrics-port", "TAKEN"), "--metrics-port: 127.0.0.1:TAKEN cannot be had: "),
        (("--metrics-port", "FREE", "--metrics-host", "192.0.2.1"), "--metrics-port: 192.0.2.1:FREE cannot be had: "),
    ],
)
def test_a_port_that_cannot_be_had_ends_with_one_line(tmp_path: Path, options: tuple[str, ...], reason: str):
    with null_server() as (url, _):
        ports = {"TAKEN": url.rpartition(":")[2], "FREE": port_for("metrics")}
        named = tuple(ports.get(option, option) for option in options)
        for name, port in ports.items():
            reason = reason.replace(name, port)
        code, output = headless(tmp_path, "--host", url, *LOAD, *named, "--run-time", "3s")
    assert code == 1, output
    assert "Traceback" not in output
    lines = re.findall(r"/ERROR/.*", output)
    assert lines
    assert all(reason in line for line in lines)
