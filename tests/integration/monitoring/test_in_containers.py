"""In a network of containers Prometheus finds by name what runs, and makes no noise about what does not."""

import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import containers
from tests.containers import Project, docker
from tests.integration.monitoring.prometheus import FOLDER, Prometheus
from tests.one_at_a_time import one_at_a_time

IMAGES = Path(__file__).with_name("images")
PATIENCE_S = 60

# Stand-ins for Locust's workers and for a server: what they tell does not matter here.
COMPOSE = f"""\
x-contained: &contained
  read_only: true
  cap_drop: [ALL]
  security_opt: ["no-new-privileges:true"]
  init: true
  tmpfs: [/tmp]
  user: "65534"
x-tells: &tells
  <<: *contained
  image: tailbed-test/node-exporter
services:
  prometheus:
    <<: *contained
    image: tailbed-test/prometheus
    ports: ["127.0.0.1::9090"]
    command: [--config.file=/etc/prometheus/prometheus.yaml, --storage.tsdb.path=/prometheus]
    volumes: ["{FOLDER}:/etc/prometheus:ro", "prometheus:/prometheus"]
    healthcheck: {{test: [CMD, wget, -q, -O, /dev/null, "http://127.0.0.1:9090/-/ready"], interval: 1s}}
  node-exporter:
    <<: *tells
    command: [--collector.disable-defaults, --collector.cpu, --collector.meminfo]
    healthcheck: {{test: [CMD, wget, -q, -O, /dev/null, "http://127.0.0.1:9100/"], interval: 1s}}
  locust-worker:
    <<: *tells
    scale: 2
    command: [--web.listen-address=:9646]
  grpc-gpu:
    <<: *tells
    profiles: [later]
    command: [--web.listen-address=:8002]
volumes:
  prometheus:
"""

pytestmark = [
    pytest.mark.skipif(containers.missing() is not None, reason=containers.missing() or ""),
    pytest.mark.timeout(600),  # for the images
]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    for name in ("prometheus", "node-exporter"):
        docker("build", "--quiet", "--target", name, "--tag", f"tailbed-test/{name}", str(IMAGES), timeout_s=500)
    name = f"tailbed-test-{secrets.token_hex(4)}"
    with containers.project(name, COMPOSE, tmp_path_factory.mktemp("monitoring")) as found:
        found.compose("up", "--detach", "--wait", "prometheus", "node-exporter", "locust-worker")
        yield found


@pytest.fixture(scope="module")
def prometheus(project: Project) -> Prometheus:
    return Prometheus(f"http://{project.compose('port', 'prometheus', '9090').strip()}")


def _await(look: Callable[[], object], wanted: object) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while (found := look()) != wanted:
        assert time.monotonic() < deadline, found
        time.sleep(0.5)


def _targets(prometheus: Prometheus) -> list[tuple[str, str, str]]:
    """Job, service and health of each."""
    found = prometheus.ask("targets", state="active")["activeTargets"]
    return sorted((each["labels"]["job"], each["labels"]["service"], each["health"]) for each in found)


def test_what_runs_is_found_and_nothing_else(project: Project, prometheus: Prometheus) -> None:
    worker, machine = ("locust", "locust-worker", "up"), ("machine", "node-exporter", "up")
    _await(lambda: _targets(prometheus), [worker, worker, machine])
    # Whatever comes later is found, and whatever goes is forgotten; a container is found by its own name too.
    project.compose("--profile", "later", "up", "--detach", "grpc-gpu")
    words = ("run", "--detach", "--name", "locust-headless", "locust-worker", "--web.listen-address=:9646")
    with one_at_a_time("locust-headless"):  # an engine has one container of a name
        headless = project.compose(*words).split()[-1]
        try:
            late = [("grpc", "grpc-gpu", "up"), ("locust", "locust-headless", "up")]
            _await(lambda: _targets(prometheus), [*late, worker, worker, machine])
        finally:
            docker("rm", "--force", headless)
    project.compose("up", "--detach", "--scale", "locust-worker=1", "locust-worker")
    _await(lambda: _targets(prometheus), [late[0], worker, machine])
    assert {each["metric"]["instance"] for each in prometheus.query('up{job="grpc"}')} == {"grpc-gpu"}
    log = project.compose("logs", "--no-log-prefix", "prometheus")
    assert "Server is ready" in log
    assert [line for line in log.splitlines() if "level=warn" in line or "level=error" in line] == []
