"""What is watched: real servers, the machine, and Locust processes that ask them, by a real Prometheus."""

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import urllib3

import loadtest
from exporters import Artifact
from loadtest import records
from servers import STACKS, Deployment, Endpoint, RunningServer, ServerTimes, SupervisedProcess, connect, start
from servers.address import free_ports
from servers.metrics import Metrics
from tests.conftest import Exported
from tests.integration.loadtest.test_null_server import null_server
from tests.integration.monitoring.prometheus import Prometheus, needed, prometheus, write_configuration

FORMATS = {"fastapi": "onnx", "grpc": "onnx", "triton-http": "onnx", "torchserve-rest": "torchscript"}
"""Of what is served, by stack."""
SERVICES = {stack: stack.partition("-")[0] for stack in FORMATS}
RATE = 25
"""Requests a second to each of them."""
SCRAPE_S = 5
WINDOW_S = 15
"""What the rules look back on."""

_LOCUSTFILE = Path(loadtest.__file__).with_name("locustfile.py")
_LOAD_S = 45
_TOGETHER_S = 20
"""For which all are asked before it is looked."""
_PATIENCE_S = 30
_MACHINE = ("--collector.disable-defaults", "--collector.cpu", "--collector.meminfo")


@dataclass(frozen=True)
class Watched:
    """What was watched.

    Attributes:
        prometheus: which still answers.
        start_s: before the load, since the epoch.
        under_load_s: when all were asked.
        end_s: when Prometheus had seen all of it.
        before: what each server said of its times before the load, by service.
        after: the same after it.
        content_types: of each server's metrics, by service.
        urls: where each was asked, by service, which is what the load calls its target.
        gone: the target whose server has gone away under the load.
        response_s: what the load's records say, by service, in the order of their ends.
    """

    prometheus: Prometheus
    start_s: float
    under_load_s: float
    end_s: float
    before: Mapping[str, ServerTimes]
    after: Mapping[str, ServerTimes]
    content_types: Mapping[str, str]
    urls: Mapping[str, str]
    gone: str
    response_s: Mapping[str, np.ndarray]


@contextmanager
def watch(digits: Exported, folder: Path) -> Iterator[Watched]:
    """Have it all under load for a while; Prometheus still answers afterwards."""
    needed("prometheus")
    with ExitStack() as stack:
        servers = {
            service: stack.enter_context(start(Deployment(digits[FORMATS[name]], name), folder=folder / name))
            for name, service in SERVICES.items()
        }
        for server in servers.values():
            _ask(server.endpoint, digits["onnx"])  # some metrics are not there before the first request
        ports = free_ports("127.0.0.1", (*servers, "gone", "machine"))
        stack.enter_context(_machine(folder, ports["machine"]))
        targets = {service: [(service, _metrics_port(server))] for service, server in servers.items()}
        targets["machine"] = [("node-exporter", ports["machine"])]
        targets["locust"] = [("locust-worker", ports[name]) for name in (*servers, "gone")]
        found = stack.enter_context(prometheus(write_configuration(folder, targets)))
        time.sleep(2 * SCRAPE_S)
        start_s, before = time.time(), _times(servers)
        types = {service: _content_type(server) for service, server in servers.items()}
        with null_server("--protocol", "oip-http") as (gone, _):
            at = {service: server.endpoint for service, server in servers.items()}
            at["gone"] = Endpoint("oip-http", gone, "digits")
            load = {name: stack.enter_context(_locust(folder / f"{name}-load", at[name], ports[name])) for name in at}
            for name in at:
                _await_requests(ports[name])
        time.sleep(_TOGETHER_S)
        under_load_s = time.time()
        for name, process in load.items():
            assert process.wait(60) == (1 if name == "gone" else 0), process.log.read_text()
        after = _times(servers)
        time.sleep(WINDOW_S + 2 * SCRAPE_S)
        yield Watched(
            prometheus=found,
            start_s=start_s,
            under_load_s=under_load_s,
            end_s=time.time(),
            before=before,
            after=after,
            content_types=types,
            urls={service: server.endpoint.url for service, server in servers.items()},
            gone=gone,
            response_s={service: _response_s(folder / f"{service}-load") for service in servers},
        )


def _machine(folder: Path, port: int) -> SupervisedProcess:
    exporter = needed("prometheus-node-exporter")
    argv = [exporter, f"--web.listen-address=127.0.0.1:{port}", *_MACHINE]
    return SupervisedProcess.start(argv, log=folder / "machine.log")


def _locust(folder: Path, at: Endpoint, metrics_port: int) -> SupervisedProcess:
    """A Locust process like a worker in a container: an engine, and metrics of what it measures."""
    folder.mkdir()
    argv = [sys.executable, "-m", "locust", "-f", str(_LOCUSTFILE), "--headless", "--only-summary"]
    argv += ["--host", at.url, "--model", at.model, "--protocol", at.protocol, "--core", "none"]
    argv += ["--scenario", "poisson", "--rate", str(RATE), "--warmup", "1", "--run-time", f"{_LOAD_S}s"]
    argv += ["--metrics-port", str(metrics_port), "--records", str(folder / "records")]
    return SupervisedProcess.start(argv, log=folder / "locust.log", cwd=folder)


def _await_requests(metrics_port: int) -> None:
    """Until a Locust process says that it has measured some."""
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        metrics = Metrics.scrape(f"http://127.0.0.1:{metrics_port}/metrics")
        if metrics and metrics.total("tailbed_requests_total"):
            return
        assert time.monotonic() < deadline, "no request was sent"
        time.sleep(0.2)


def _ask(at: Endpoint, artifact: Artifact) -> None:
    with connect(at.url, protocol=at.protocol, timeout_s=20) as client:
        client.infer(at.model, {name: each[:1] for name, each in artifact.answers().inputs.items()})


def _times(servers: Mapping[str, RunningServer]) -> dict[str, ServerTimes]:
    found = {}
    for stack, service in SERVICES.items():
        times = STACKS.get(stack).times(servers[service].endpoint)
        assert times is not None, service
        found[service] = times
    return found


def _metrics_port(server: RunningServer) -> int:
    port = urlsplit(server.endpoint.metrics_url).port
    assert isinstance(port, int)
    return port


def _content_type(server: RunningServer) -> str:
    assert server.endpoint.metrics_url
    return urllib3.request("GET", server.endpoint.metrics_url, timeout=20).headers.get("content-type", "")


def _response_s(folder: Path) -> np.ndarray:
    (run,) = (folder / "records").iterdir()
    found = records.read(run / records.NAME)
    return ((found.done_ns - found.intended_ns) / 1e9)[np.argsort(found.done_ns)]
