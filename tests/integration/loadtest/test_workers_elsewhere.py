"""Workers as containers on one machine are: host names of their own, and masters that come and go."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import urllib3

from loadtest import joining, records
from loadtest.driver.machines import Place, seats
from loadtest.plan import read_plan
from servers.address import free_ports
from tests.integration.loadtest.test_locust import LOCUSTFILE, locust, only_run
from tests.integration.loadtest.test_null_server import null_server
from tests.integration.loadtest.test_several_engines import local_master

# What a container's own namespace does to a process: another host name.
_NAMED = "import socket, sys; n = sys.argv.pop(1); socket.gethostname = lambda: n; from locust.main import main; main()"


@contextmanager
def worker(folder: Path, host_name: str, port: str) -> Iterator[subprocess.Popen[str]]:
    """A Locust worker that calls its machine so, in a folder of its own."""
    (folder / host_name).mkdir()
    argv = [sys.executable, "-c", _NAMED, host_name, "-f", str(LOCUSTFILE), "--worker"]
    argv += ["--master-host", "127.0.0.1", "--master-port", port]
    with subprocess.Popen(
        argv, cwd=folder / host_name, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_engines_on_one_machine_do_not_get_the_same_core(tmp_path: Path):
    bound = local_master()
    with null_server() as (url, _), worker(tmp_path, "one", bound[1]), worker(tmp_path, "two", bound[1]):
        options = ("--headless", "--master", *bound, "--expect-workers", "2", "--host", url, "--model", "digits")
        load = ("--scenario", "constant", "--rate", "50", "--run-time", "3s", "--warmup", "0.5", "--csv", "out")
        with locust(tmp_path, *options, *load) as master:
            output, _ = master.communicate(timeout=60)
    assert master.returncode == 0, output
    assert "one_" in output
    assert "two_" in output
    run = only_run(tmp_path)
    plans = [read_plan(run / joining.engine_name(index)) for index in range(2)]
    assert [plan.core for plan in plans] == [seat.core for seat in seats([Place.here()] * 2)]
    assert records.read(run / records.NAME).facts.finished


def test_workers_find_the_master_that_takes_anothers_place(tmp_path: Path):
    web = str(free_ports("127.0.0.1", ("web",))["web"])
    bound = local_master()
    options = ("--master", *bound, "--web-host", "127.0.0.1", "--web-port", web)
    page, retries = f"http://127.0.0.1:{web}", urllib3.Retry(40, backoff_factor=0.1)

    def await_worker() -> None:
        deadline = time.monotonic() + 40
        while urllib3.request("GET", f"{page}/worker-count", retries=retries).json() != {"worker_count": 1}:
            assert time.monotonic() < deadline
            time.sleep(0.2)

    with null_server() as (url, _), worker(tmp_path, "one", bound[1]) as only:
        with locust(tmp_path, *options) as first:
            await_worker()
            first.kill()
        with locust(tmp_path, *options) as second:
            await_worker()
            fields = {"user_count": "1", "spawn_rate": "1", "host": url, "model": "digits", "core": "none"}
            load = {"scenario": "constant", "rate": "100"}
            answer = urllib3.request("POST", f"{page}/swarm", fields=fields | load).json()
            assert answer["success"], answer
            while not list(tmp_path.glob("records/*/engine-0/records.spool")):
                assert only.poll() is None
                time.sleep(0.1)
            time.sleep(4)
            assert urllib3.request("POST", f"{page}/stop").json()["success"]
            second.terminate()
            second.communicate(timeout=30)
        assert only.wait(20) == 0
    assert len(records.read(only_run(tmp_path) / records.NAME).outcome) > 20
