"""What a server can do is found by a probe, and past that it is saturated: on servers whose service time is known."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

import loadtest
from exporters import ANSWERS, Artifact
from loadtest import LoadError, records
from loadtest.plan import LoadPlan
from loadtest.scenario import OpenLoop
from servers import Deployment, Endpoint
from tailbed.analysis.run import Subject, summarize
from tailbed.experiment import capacity
from tailbed.experiment.capacity import probe_capacity
from tailbed.experiment.placement import place
from tailbed.results.schema import RunResult
from tailbed.suite import ShareOfCapacity, Suite, resolve
from tests.conftest import Exported
from tests.integration.loadtest.test_null_server import null_server

SUITE = Suite.model_validate(
    {
        "name": "tiny",
        "models": ["digits"],
        "formats": ["onnx"],
        "stacks": ["fastapi"],
        "scenarios": [{"kind": "open", "rates": ["50%"]}],
    }
)
SERVICE_S = 0.002


@contextmanager
def slow_server(protocol: str, service_s: float = SERVICE_S) -> Iterator[str]:
    """A server that answers one request at a time, each in ``service_s``; gives its URL."""
    placement = place()
    options = ["--protocol", protocol, "--delay-us", str(round(service_s * 1e6))]
    if placement.server:
        options += ["--core", str(placement.server[0])]
    with null_server(*options) as (url, _):
        yield url


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capacity, "WARMUP_S", 0.3)
    monkeypatch.setattr(capacity, "WINDOW_S", 0.7)


def test_a_deployment_is_probed(digits: Exported, tmp_path: Path, short: None) -> None:
    deployment = Deployment(digits["onnx"], "fastapi", cores=place().server)
    told: list[str] = []
    found = probe_capacity(deployment, tmp_path, SUITE, place(), told.append)
    assert (found.model, found.format, found.precision, found.server) == ("digits", "onnx", "fp32", "fastapi")
    assert (found.runtime, found.protocol) == ("onnxruntime", "oip-http")
    assert list(found.probes)[:3] == [1, 4, 16]
    assert found.per_s == max(found.probes.values()) == found.probes[found.concurrency]
    assert found.per_s > 100
    assert len(told) == len(found.probes)
    for clients in found.probes:
        assert len(records.read(tmp_path / f"closed-x{clients}" / records.NAME).intended_ns) > 0
    assert (tmp_path / "server" / "server.log").exists()


@pytest.mark.parametrize("protocol", ["oip-http", "oip-grpc"])
def test_the_capacity_is_what_the_service_time_allows_and_more_saturates(
    digits: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, short: None, protocol: str
) -> None:
    with slow_server(protocol) as url:
        endpoint = Endpoint(protocol, url, "digits")
        monkeypatch.setattr(capacity, "start", lambda *_, **__: _Started(endpoint))
        found = probe_capacity(Deployment(digits["onnx"], "fastapi"), tmp_path, SUITE, place(), lambda _: None)
        # One more answer may fall into the window than its length holds.
        assert 0.5 / SERVICE_S < found.per_s <= 1 / SERVICE_S + 2 / 0.7
        for share, saturated in ((0.3, False), (1.5, True)):
            point = resolve(ShareOfCapacity(kind="open", share=share), found.per_s)
            assert isinstance(point, OpenLoop)
            assert point.rate == pytest.approx(share * found.per_s, rel=0.005)
            result = _measure(digits["onnx"], endpoint, point, tmp_path / point.label)
            assert (result.held_rate is not None) == saturated
        assert result.held_rate is not None
        assert 0.5 / SERVICE_S < result.held_rate <= 1 / SERVICE_S + 1
        assert result.validity == "INVALID"
        assert result.missing["p99_ms"].startswith(f"saturated: holds {result.held_rate:.0f}/s of the ")
        assert result.missing["p99_ms"] in result.reasons
        assert result.p50_ms is None
        assert result.p99_ms is None


def test_a_queue_that_overflows_the_client_and_times_out_is_saturation_too(digits: Exported, tmp_path: Path) -> None:
    with slow_server("oip-http") as url:
        result = _measure(
            digits["onnx"],
            Endpoint("oip-http", url, "digits"),
            OpenLoop(rate=700),
            tmp_path,
            max_in_flight=64,
            timeout_s=1.5,
            warmup_s=4,
        )
    raw = records.read(tmp_path / records.NAME)
    assert raw.facts.cap_hits > 0
    assert (raw.outcome == records.Outcome.TIMEOUT).any()
    assert result.held_rate is not None
    assert result.held_rate <= 1 / SERVICE_S + 1
    assert result.p50_ms is None


def test_a_server_that_never_answers_has_no_capacity(
    digits: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, short: None
) -> None:
    endpoint = Endpoint("oip-http", "http://127.0.0.1:9", "digits")
    monkeypatch.setattr(capacity, "start", lambda *_, **__: _Started(endpoint))
    with pytest.raises(LoadError, match="no request was answered"):
        probe_capacity(Deployment(digits["onnx"], "fastapi"), tmp_path, SUITE, place(), lambda _: None)


class _Started(SimpleNamespace):
    """A server that is there already."""

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__(endpoint=endpoint)

    def __enter__(self) -> "_Started":
        return self

    def __exit__(self, *_: object) -> None:
        pass


def _measure(artifact: Artifact, endpoint: Endpoint, load: OpenLoop, folder: Path, **fields: object) -> RunResult:
    given: dict[str, object] = {
        "protocol": endpoint.protocol,
        "url": endpoint.url,
        "model": endpoint.model,
        "pool": artifact.folder / ANSWERS,
        "scenario": load,
        "warmup_s": 1,
        "duration_s": 4,
        "core": place().client,
    }
    plan = LoadPlan.model_validate(given | fields)
    return summarize(loadtest.run(plan, folder), plan, Subject(model=endpoint.model))
