"""A real Prometheus with the project's configuration, for tests without the network of containers."""

import json
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import urllib3
import yaml

from servers import SupervisedProcess
from servers.address import free_ports

FOLDER = Path(__file__).parents[3] / "deploy" / "prometheus"


def needed(program: str) -> str:
    """The path of a program of Debian's packages; skips the test without it."""
    if found := shutil.which(program):
        return found
    package = "prometheus-node-exporter" if "exporter" in program else "prometheus"
    pytest.skip(f"{program} is not installed: apt-get install {package}")


def write_configuration(folder: Path, targets: Mapping[str, list[tuple[str, int]]]) -> Path:
    """The project's own configuration, with these instead of what its jobs would find in the DNS.

    What the DNS tells is that an address has a name, which Prometheus hands on as a label.

    Args:
        folder: gets the file, and the rules beside it.
        targets: names and ports on this machine, by job; a job without any has none.
    """
    configuration = yaml.safe_load((FOLDER / "prometheus.yaml").read_text())
    jobs = {job["job_name"]: job for job in configuration["scrape_configs"]}
    assert targets.keys() <= jobs.keys()
    for name, job in jobs.items():
        names = {each for found in job.pop("dns_sd_configs") for each in found["names"]}
        assert names >= {service for service, _ in targets.get(name, [])}
        job["static_configs"] = [
            {"targets": [f"127.0.0.1:{port}"], "labels": {"__meta_dns_name": service}}
            for service, port in targets.get(name, [])
        ]
    for rules in configuration["rule_files"]:
        shutil.copy(FOLDER / rules, folder)
    path = folder / "prometheus.yaml"
    path.write_text(yaml.safe_dump(configuration, sort_keys=False))
    return path


class Prometheus:
    """One that runs, asked through its API."""

    def __init__(self, url: str) -> None:
        self._url = url

    def query(self, expression: str, at_s: float | None = None) -> list[dict[str, Any]]:
        """The samples of an expression at a time since the epoch, now by default: ``metric`` and ``value`` of each."""
        found = self.ask("query", query=expression, **({} if at_s is None else {"time": at_s}))["result"]
        return [each | {"value": float(each["value"][1])} for each in found]

    def values(self, expression: str, label: str, at_s: float | None = None) -> dict[str, float]:
        """The same by one of the labels."""
        found = self.query(expression, at_s)
        by_label = {each["metric"][label]: each["value"] for each in found}
        assert len(by_label) == len(found), found
        return by_label

    def ask(self, what: str, **parameters: Any) -> Any:
        """``data`` of an answer of the API."""
        answer = urllib3.request("GET", f"{self._url}/api/v1/{what}?{urlencode(parameters, doseq=True)}", timeout=20)
        found = json.loads(answer.data)
        assert found["status"] == "success", (what, parameters, found)
        assert not found.get("warnings"), (what, parameters, found)
        return found["data"]

    def await_ready(self, timeout_s: float = 30.0) -> None:
        """Until it can be asked."""
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                if urllib3.request("GET", f"{self._url}/-/ready", retries=False, timeout=1).status == 200:
                    return
            except urllib3.exceptions.HTTPError:
                pass
            assert time.monotonic() < deadline, "Prometheus does not get ready"
            time.sleep(0.1)


@contextmanager
def prometheus(configuration: Path) -> Iterator[Prometheus]:
    """Prometheus with this configuration, its data beside it."""
    folder = configuration.parent
    address = f"127.0.0.1:{free_ports('127.0.0.1', ('web',))['web']}"
    argv = [needed("prometheus"), f"--config.file={configuration}", f"--storage.tsdb.path={folder / 'data'}"]
    with SupervisedProcess.start([*argv, f"--web.listen-address={address}"], log=folder / "prometheus.log"):
        found = Prometheus(f"http://{address}")
        found.await_ready()
        yield found
