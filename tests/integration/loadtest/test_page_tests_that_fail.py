"""On the page a test that fails is over, and the next one is a test of its own."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import urllib3

from loadtest import records
from servers.address import free_ports
from tests.integration.loadtest.test_locust import locust
from tests.integration.loadtest.test_null_server import null_server
from tests.integration.loadtest.test_several_engines import local_master

_RETRIES = urllib3.Retry(40, backoff_factor=0.1)


class _Page:
    def __init__(self, url: str) -> None:
        self._url = url

    def await_told(self, path: str, wanted: Callable[[dict[str, Any]], bool]) -> None:
        deadline = time.monotonic() + 40
        while not wanted(found := urllib3.request("GET", f"{self._url}/{path}", retries=_RETRIES).json()):
            assert time.monotonic() < deadline, found
            time.sleep(0.2)

    def start(self, host: str, *, users: int, rate: str = "100") -> dict[str, Any]:
        fields = {"user_count": str(users), "spawn_rate": "1", "host": host, "model": "digits", "core": "none"}
        load = {"scenario": "constant", "rate": rate, "run_time": "1m"}
        return urllib3.request("POST", f"{self._url}/swarm", fields=fields | load).json()

    def stop(self) -> None:
        assert urllib3.request("POST", f"{self._url}/stop").json()["success"]


def _stopped(told: dict[str, Any]) -> bool:
    return told["state"] == "stopped"


@pytest.mark.parametrize("workers", [0, 1])
def test_while_users_are_added(tmp_path: Path, workers: int):
    """Locust adds them one by one, and is not through with it when the test has failed."""
    web, bound = str(free_ports("127.0.0.1", ("web",))["web"]), local_master()
    page = _Page(f"http://127.0.0.1:{web}")
    options = ("--web-host", "127.0.0.1", "--web-port", web)
    with ExitStack() as stack:
        url, _ = stack.enter_context(null_server())
        master = stack.enter_context(locust(tmp_path, *(("--master", *bound) if workers else ()), *options))
        for _ in range(workers):
            stack.enter_context(locust(tmp_path, "--worker", "--master-host", "127.0.0.1", *bound[2:4]))
            page.await_told("worker-count", lambda told: told["worker_count"] == workers)
        page.await_told("stats/requests", lambda told: told["state"] == "ready")
        assert page.start("http://127.0.0.1:1", users=60)["success"]
        page.await_told("stats/requests", _stopped)
        time.sleep(3)  # for three more users
        page.await_told("stats/requests", _stopped)
        refused = page.start(url, users=1, rate="many")
        assert refused == {"success": False, "message": "rate: 'many' is not a number"}
        assert page.start(url, users=1)["success"]
        page.await_told("stats/requests", lambda told: told["stats"][-1]["num_requests"] > 50)
        page.stop()
        master.terminate()
        master.communicate(timeout=30)
    (run,) = (tmp_path / "records").iterdir()
    assert len(records.read(run / records.NAME).outcome) > 50
