"""TLS: whoever loads or asks a server trusts it by its authority, and says who it is itself."""

import subprocess
import sys
from pathlib import Path

import grpc
import numpy as np
import pytest
import trustme
from tritonclient.grpc import service_pb2 as pb

from loadtest.plan import AnswerCheck
from loadtest.records import Outcome
from loadtest.scenario import OpenLoop
from servers import EndpointError, connect
from tests.integration.loadtest import misbehaving, test_grpc
from tests.integration.loadtest.engines import assert_one_row_each, measure
from tests.integration.loadtest.test_null_server import null_server

RATE = OpenLoop(rate=100)
SERVERS = {
    "http": lambda certificate: misbehaving.serve(misbehaving.right, certificate),
    "grpc": lambda certificate: test_grpc.serve(test_grpc.right, certificate),
}


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


@pytest.mark.parametrize("scheme", SERVERS)
def test_a_server_is_trusted_by_its_authority_only(tmp_path: Path, scheme: str, authority: trustme.CA, ca_file: Path):
    with SERVERS[scheme](authority.issue_cert("127.0.0.1")) as url:
        assert url.startswith(f"{scheme}s://")
        found = measure(tmp_path, url, scenario=RATE, ca_file=ca_file, check=AnswerCheck(every=4))
        assert_one_row_each(found, RATE, 1)
        assert (found.outcome == Outcome.OK).all()
        assert found.facts.checked > 10
        assert found.facts.wrong == 0
        found = measure(tmp_path, url, scenario=RATE)
        assert_one_row_each(found, RATE, 1)
        assert (found.outcome == Outcome.REFUSED).all()


@pytest.mark.parametrize("scheme", SERVERS)
def test_a_server_of_another_name_is_refused(tmp_path: Path, scheme: str, authority: trustme.CA, ca_file: Path):
    with SERVERS[scheme](authority.issue_cert("elsewhere.example")) as url:
        found = measure(tmp_path, url, scenario=RATE, ca_file=ca_file)
    assert (found.outcome == Outcome.REFUSED).all()


def test_the_blocking_client_over_grpc_says_who_it_is(authority: trustme.CA, ca_file: Path):
    seen = set()

    def looks(request: pb.ModelInferRequest, context: grpc.ServicerContext) -> pb.ModelInferResponse:
        seen.update(pair for pair in context.invocation_metadata() if pair[0] == "authorization")
        return test_grpc.right(request, context)

    headers = {"Authorization": "Bearer abc123"}
    inputs = {"x": np.ones((1, 4), np.float32)}
    with test_grpc.serve(looks, authority.issue_cert("127.0.0.1")) as url:
        with connect(url, timeout_s=5, headers=headers, ca_file=ca_file) as client:
            assert (client.infer("double", inputs)["y"] == 2).all()
        with connect(url, timeout_s=5) as client, pytest.raises(EndpointError):
            client.infer("double", inputs)
    assert seen == {("authorization", "Bearer abc123")}


def test_locust_takes_headers_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MY_TOKEN", "abc123")
    with null_server() as (url, _):
        argv = [sys.executable, "-m", "locust", "-f", "loadtest/locustfile.py", "--headless", "--only-summary"]
        argv += ["--host", url, "--model", "m", "--scenario", "constant", "--rate", "50", "--warmup", "0"]
        argv += ["--run-time", "2s", "--records", str(tmp_path), "--header", "X-Tenant: a", "--bearer-env", "MY_TOKEN"]
        subprocess.run(argv, check=True, capture_output=True, timeout=60)
    (run,) = tmp_path.iterdir()
    plan = (run / "plan.json").read_text()
    assert '"Bearer ${MY_TOKEN}"' in plan
    assert '"x-tenant": "a"' in plan
    assert not any(b"abc123" in path.read_bytes() for path in run.iterdir())
