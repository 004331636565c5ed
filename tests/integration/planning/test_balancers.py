"""Real load balancers: they choose as they are told, in both protocols, and end with the block."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import urllib3

from loadtest import records
from servers import Deployment
from tailbed.experiment.placement import place
from tailbed.planning.balancers import PROGRAMS, BalancerError, installed, program, validate
from tailbed.planning.balancers.program import Program, executable, version
from tailbed.planning.balancers.running import balance
from tailbed.planning.fleet import BALANCERS
from tailbed.results.decisions.plan import Balancer
from tailbed.results.schema import RunResult
from tailbed.suite import Candidate, Suite
from tests.conftest import Exported


@pytest.fixture(params=PROGRAMS, ids=lambda each: each.command)
def balancer(request: pytest.FixtureRequest) -> Program:
    """Each one that is installed."""
    if executable(request.param) is None:
        pytest.skip(f"{request.param.name} is not installed")
    return request.param


class Counting(BaseHTTPRequestHandler):
    """Answers with its replica's number; what asks for ``/held`` is answered when it is let go."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body in one segment, or the second waits for the first one to be acknowledged
    number: int
    let_go: threading.Event
    held: threading.Semaphore

    def do_GET(self) -> None:
        if self.path == "/held":
            self.held.release()
            assert self.let_go.wait(30)
        self.send_response(200)
        self.send_header("Content-Length", "1")
        self.end_headers()
        self.wfile.write(str(self.number).encode())

    def log_message(self, format: str, *arguments: object) -> None:
        pass


class Counted:
    """Two replicas that tell who answered."""

    def __init__(self) -> None:
        self.let_go, self.held = threading.Event(), threading.Semaphore(0)

    @contextmanager
    def urls(self) -> Iterator[list[str]]:
        with ExitStack() as stack:
            urls = []
            for number in range(2):
                fields = {"number": number, "let_go": self.let_go, "held": self.held}
                server = stack.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), type("One", (Counting,), fields)))
                thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
                thread.start()
                stack.callback(thread.join)
                stack.callback(server.shutdown)
                urls.append(f"http://127.0.0.1:{server.server_address[1]}")
            yield urls


def asked(url: str, count: int) -> list[int]:
    """Who answered so many requests, one after the other."""
    with urllib3.PoolManager(retries=False, timeout=10) as pool:
        return [int(pool.request("GET", url).data) for _ in range(count)]


def test_round_robin_takes_turns(balancer: Program, tmp_path: Path) -> None:
    with Counted().urls() as urls, balance(balancer, "round-robin", urls, tmp_path) as url:
        answered = asked(url, 20)
    assert answered in ([0, 1] * 10, [1, 0] * 10)


def test_random_takes_no_turns_and_leaves_nobody_out(balancer: Program, tmp_path: Path) -> None:
    with Counted().urls() as urls, balance(balancer, "random", urls, tmp_path) as url:
        answered = asked(url, 200)
    repeated = sum(one == other for one, other in itertools.pairwise(answered))
    # Of independent halves: each is beyond these bounds once in 10^9 runs.
    assert 57 < sum(answered) < 143
    assert 57 < repeated < 143


def test_least_outstanding_spares_the_replica_that_has_a_request(balancer: Program, tmp_path: Path) -> None:
    replicas = Counted()
    with replicas.urls() as urls, balance(balancer, "least-outstanding", urls, tmp_path) as url:
        slow: list[int] = []
        holding = threading.Thread(target=lambda: slow.extend(asked(f"{url}/held", 1)))
        holding.start()
        try:
            assert replicas.held.acquire(timeout=10)
            answered = asked(url, 20)
        finally:
            replicas.let_go.set()
            holding.join()
    assert answered == [1 - slow[0]] * 20


def test_a_balancer_that_does_not_start_says_why(balancer: Program, tmp_path: Path) -> None:
    class Broken:
        name, command, words, argv = balancer.name, balancer.command, balancer.words, balancer.argv

        def configuration(self, _: program.Front) -> str:
            return "nonsense\n"

    with (
        pytest.raises(BalancerError, match=rf"^{balancer.name} ended with code 1: .*\(log: .*\)$"),
        balance(Broken(), "random", ["http://127.0.0.1:1"], tmp_path),
    ):
        pass


def test_without_any_balancer_a_line_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(program, "_SYSTEM", "/nowhere")
    with pytest.raises(BalancerError, match=r"^no load balancer is installed, .*: get one with: apt-get"):
        installed()
    with pytest.raises(BalancerError, match=r"^HAProxy is not installed: get it with: apt-get"):
        version(PROGRAMS[0])


@pytest.mark.parametrize("stack", ["fastapi", "grpc"])
def test_two_replicas_are_measured_and_simulated(
    digits: Exported, balancer: Program, stack: str, tmp_path: Path
) -> None:
    suite = Suite.model_validate(
        {
            "name": "tiny",
            "artifacts": ["digits/onnx"],
            "stacks": [stack],
            "scenarios": [{"kind": "closed"}],
            "warmup_s": 1,
            "steady_limit_s": None,
            "duration_s": 2,
            "attempts": 1,
        }
    )
    placement = place()
    candidate = Candidate(Deployment(digits["onnx"], stack, cores=placement.server))
    folder = tmp_path / "validate" / "digits"
    told: list[str] = []
    kinds: tuple[Balancer, ...] = ("least-outstanding",)
    found = validate(
        candidate,
        None,
        rates=[200],
        folder=folder,
        suite=suite,
        placement=placement,
        balancers=kinds,
        programs=[balancer],
        progress=told.append,
    )
    assert [validation.balancer for validation in found] == list(kinds)
    # A machine that is busy with other things makes runs that show nothing, which is then said.
    assert told[0].startswith("1 x digits/onnx/fp32 on ")
    for validation in found:
        assert validation.program.startswith(f"{balancer.name} ")
        if len(told) == 1:
            assert validation.note.startswith("not compared: one replica alone: ")
            assert not validation.predictions
            continue
        run = f"validate/digits/{balancer.command}/{validation.balancer}-200"
        result = RunResult.model_validate_json((tmp_path / run / "result.json").read_bytes())
        assert result.errors == 0
        assert result.answers_checked > 0
        assert result.answers_wrong == 0
        assert len(records.read(tmp_path / run / records.NAME).sent_ns) > 200
        rows = validation.predictions
        if result.validity == "VALID" and not {"p50_ms", "p99_ms"} & set(result.disturbed):
            figures = {"P50": result.p50_ms, "P99": result.p99_ms}
            assert {row.figure: row.measured_ms for row in rows} == {k: v for k, v in figures.items() if v}
            assert all(row.error == pytest.approx(row.predicted_ms / row.measured_ms - 1) for row in rows)
            assert all(row.runs == [run] and row.replicas == 2 for row in rows)
        else:
            assert "INVALID" in validation.note or "disturbed" in validation.note


def test_kinds_of_balancing_are_those_of_the_simulation(balancer: Program) -> None:
    assert set(balancer.words) == set(BALANCERS)
