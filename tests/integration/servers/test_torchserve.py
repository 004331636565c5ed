"""The real TorchServe, over REST and over gRPC."""

import os
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import pytest
import urllib3

from exporters import Artifact
from exporters.artifact import Answers
from loadtest.plan import AnswerCheck, LoadPlan
from loadtest.records import Outcome
from loadtest.scenario import ClosedLoop
from servers import STACKS, Client, Deployment, EndpointError, RunningServer, ServerError, Settings, connect, start
from servers.address import free_ports
from servers.process import SupervisedProcess
from servers.protocols.torchserve_rest.codec import decode, encode
from servers.torchserve import archive
from servers.torchserve.environment import ENVIRONMENT, java, missing
from tests.conftest import Exported
from tests.environments import provide
from tests.integration.loadtest.engines import running as running_engine

JOINED = Settings(instances=2, max_batch=4, max_delay_us=2000)
BOTH = ("torchserve-rest", "torchserve-grpc")


@pytest.fixture(scope="module", autouse=True)
def installed(home: Path) -> None:
    if shutil.which(java()) is None:
        pytest.skip("there is no Java")
    provide(ENVIRONMENT)
    assert missing() is None


@dataclass(frozen=True)
class Served:
    """A running TorchServe with the digits model, and what it must answer."""

    running: RunningServer
    artifact: Artifact
    answers: Answers
    """Read once: several threads that parse the headers of arrays at once fail at random in Python 3.11.7."""

    @classmethod
    def of(cls, running: RunningServer, artifact: Artifact) -> "Served":
        return cls(running, artifact, artifact.answers())

    def client(self, timeout_s: float = 20) -> Client:
        endpoint = self.running.endpoint
        return connect(endpoint.url, protocol=endpoint.protocol, timeout_s=timeout_s)

    def batch(self, first: int, size: int) -> tuple[np.ndarray, np.ndarray]:
        items = slice(first, first + size)
        return self.answers.inputs["image"][items], self.answers.outputs["scores"][items]

    def assert_answers(self, client: Client, first: int, size: int) -> None:
        images, expected = self.batch(first, size)
        scores = client.infer("digits", {"image": images})["scores"]
        assert scores.dtype == np.float32
        tolerance = self.artifact.manifest.answer_tolerance["scores"]
        np.testing.assert_allclose(scores, expected, rtol=0, atol=tolerance)

    @property
    def rest(self) -> str:
        return f"http://127.0.0.1:{self.running.ports['http']}"


@pytest.fixture(scope="module", params=BOTH)
def served(
    request: pytest.FixtureRequest, digits: Exported, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """ONNX on two workers, with requests joined."""
    deployment = Deployment(digits["onnx"], request.param, JOINED)
    with start(deployment, folder=tmp_path_factory.mktemp("server")) as running:
        yield Served.of(running, digits["onnx"])
        assert running.process.poll() is None, "the server died under the tests"


@pytest.mark.parametrize(
    ("stack", "format"),
    [
        ("torchserve-rest", "torchscript"),
        ("torchserve-grpc", "torch-export"),
        ("torchserve-rest", "aotinductor"),
        ("torchserve-grpc", "torch-weights"),
    ],
)
def test_every_format_that_it_serves(digits: Exported, tmp_path: Path, stack: str, format: str) -> None:
    artifact = digits[format]
    assert STACKS.get(stack).serves(format)
    # With batching, so that every batch size is compiled before the server is ready.
    with start(Deployment(artifact, stack, Settings(max_batch=3, max_delay_us=1000)), folder=tmp_path) as running:
        served = Served.of(running, artifact)
        with served.client(60) as client:
            for size in (1, 3, 8):
                served.assert_answers(client, 5, size)
            facts = client.config("digits")
        assert facts["artifact"] == artifact.ref
        assert facts["intra_op_threads"] == "1"


def test_many_clients_at_once_each_get_their_own_answer(served: Served) -> None:
    def ask(number: int) -> None:
        with served.client() as client:
            for first in range(number, 64, 8):
                served.assert_answers(client, first, 1 + number % 3)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(ask, range(8)))


def test_it_says_what_it_is_at_both_ports(served: Served) -> None:
    manifest = served.artifact.manifest
    for endpoint in (served.running.endpoint, served.running.launch.endpoints.ready):
        with connect(endpoint.url, protocol=endpoint.protocol, timeout_s=20) as client:
            assert client.live()
            assert client.ready("digits")
            assert not client.ready("cats")
            metadata = client.metadata("digits")
            assert (metadata.name, metadata.inputs, metadata.outputs) == ("digits", manifest.inputs, manifest.outputs)
            facts = client.config("digits")
            assert (facts["sha256"], facts["intra_op_threads"]) == (manifest.sha256, "1")


BAD = {
    "a wrong shape": ({"image": np.zeros((1, 1, 8, 9), np.float32)}, r"has shape \[1, 1, 8, 9\]"),
    "a wrong dtype": ({"image": np.zeros((1, 1, 8, 8))}, "has dtype float64, expected float32"),
    "an unknown tensor": ({"picture": np.zeros((1, 1, 8, 8), np.float32)}, "missing tensor 'image'"),
    "no tensors": ({}, "missing tensor 'image'"),
}


@pytest.mark.parametrize(("inputs", "line"), BAD.values(), ids=BAD)
def test_inputs_that_do_not_fit_are_refused_and_the_server_goes_on(
    served: Served, inputs: dict[str, np.ndarray], line: str
) -> None:
    with served.client() as client:
        with pytest.raises(EndpointError, match=f"(HTTP 400|INVALID_ARGUMENT): .*{line}"):
            client.infer("digits", inputs)
        with pytest.raises(EndpointError, match="Model not found: cats"):
            client.infer("cats", inputs)
        served.assert_answers(client, 0, 1)


@pytest.mark.parametrize(
    ("content_type", "body", "line"),
    [
        ("application/octet-stream", b"garbage", "not safetensors"),
        ("application/octet-stream", b"", "not safetensors"),
        ("application/json", b'{"instances": [1]}', "expected safetensors: as the body"),
        ("text/plain", b"digits", "expected safetensors: as the body"),
    ],
)
def test_a_body_that_is_none_is_refused(served: Served, content_type: str, body: bytes, line: str) -> None:
    response = urllib3.request(
        "POST", f"{served.rest}/predictions/digits", body=body, headers={"Content-Type": content_type}
    )
    assert response.status == 400
    assert response.json()["code"] == 400
    assert line in response.json()["message"]


def test_over_rest_a_bad_request_does_not_harm_those_that_it_was_joined_with(served: Served) -> None:
    images, expected = served.batch(0, 1)

    def ask(number: int) -> None:
        body = encode({"image": images if number % 2 else images[:, :, :4]})
        response = urllib3.request(
            "POST",
            f"{served.rest}/predictions/digits",
            body=body,
            headers={"Content-Type": "application/octet-stream"},
            retries=False,
        )
        assert response.status == (200 if number % 2 else 400)
        if number % 2:
            np.testing.assert_allclose(decode(response.data)["scores"], expected, rtol=0, atol=1e-4)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(ask, range(64)))


def test_it_listens_at_the_address_asked_for_only_and_asks_for_no_key(served: Served) -> None:
    server = psutil.Process(served.running.process.pid)
    listening = [
        connection.laddr
        for process in (server, *server.children(recursive=True))
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert {address.port for address in listening} == set(served.running.ports.values())
    assert {address.ip.removeprefix("::ffff:") for address in listening} == {"127.0.0.1"}
    models = urllib3.request("GET", f"{served.rest}/models").json()["models"]
    assert [model["modelName"] for model in models] == ["digits"]
    folder = served.running.log.parent
    assert not list(folder.rglob("key_file.json"))
    assert not (folder / "logs").exists()


def test_its_times_are_of_the_requests_made(served: Served) -> None:
    stack = STACKS.get(served.running.endpoint.protocol)
    images, _ = served.batch(0, 1)
    with served.client() as client:
        client.infer("digits", {"image": images})
        before = stack.times(served.running.endpoint)
        if served.running.endpoint.protocol == "torchserve-grpc":
            assert before is None  # TorchServe measures what came over REST only
            return
        started = time.monotonic()
        for _ in range(20):
            client.infer("digits", {"image": images})
        passed_s = time.monotonic() - started
    after = stack.times(served.running.endpoint)
    assert before is not None
    assert after is not None
    assert after.requests - before.requests == 20
    queue_s, compute_s = after.queue_s - before.queue_s, after.compute_s - before.compute_s
    # Each one waits for others in vain.
    assert queue_s >= 20 * 0.001
    assert compute_s > 0
    assert queue_s + compute_s < passed_s


def test_a_load_is_answered_right(served: Served, tmp_path: Path) -> None:
    answers = served.answers
    pool = tmp_path / "pool.npz"
    np.savez(pool, **{"inputs/image": answers.inputs["image"], "outputs/scores": answers.outputs["scores"]})
    plan = LoadPlan(
        protocol=served.running.endpoint.protocol,
        url=served.running.endpoint.url,
        model="digits",
        scenario=ClosedLoop(concurrency=4),
        pool=pool,
        warmup_s=0,
        duration_s=1,
        timeout_s=10,
        check=AnswerCheck(every=4, tolerance=served.artifact.manifest.answer_tolerance),
    )
    with running_engine(tmp_path, plan) as engine:
        found = engine.records()
    assert len(found.outcome) > 20
    assert (found.outcome == Outcome.OK).all()
    assert found.facts.checked >= len(found.outcome) // 4
    assert found.facts.wrong == 0


def test_a_model_without_workers_is_not_ready(digits: Exported, tmp_path: Path) -> None:
    with start(Deployment(digits["onnx"], "torchserve-grpc"), folder=tmp_path) as running:
        served = Served.of(running, digits["onnx"])
        management = running.launch.endpoints.ready
        with connect(management.url, protocol=management.protocol, timeout_s=20) as client:
            assert client.ready("digits")
            scaled = urllib3.request(
                "PUT", f"{served.rest}/models/digits?min_worker=0&max_worker=0&synchronous=true", timeout=20
            )
            assert scaled.status in (200, 202)
            assert not client.ready("digits")
            assert client.live()


def test_it_is_ready_only_when_the_worker_is(digits: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = tmp_path / "handler.py"
    slow.write_text(
        "import time\n"
        "from servers.torchserve.handler import Handler as Ours\n"
        "class Handler(Ours):\n"
        "    def initialize(self, context):\n"
        "        time.sleep(3)\n"
        "        super().initialize(context)\n"
    )
    monkeypatch.setattr(archive, "HANDLER", slow)
    folder = tmp_path / "server"
    folder.mkdir()
    stack = STACKS.get("torchserve-rest")
    ports = free_ports("127.0.0.1", stack.ports)
    launch = stack.launch(Deployment(digits["onnx"], "torchserve-rest"), host="127.0.0.1", ports=ports, folder=folder)
    assert launch.scratch is not None
    launch.scratch.mkdir()
    seen = set()
    with (
        SupervisedProcess.start(
            launch.argv, log=folder / "log", env=launch.env, cwd=folder, leftovers=(str(launch.scratch),)
        ),
        connect(launch.endpoints.answers.url, protocol="torchserve-rest", timeout_s=5) as client,
    ):
        deadline = time.monotonic() + 60
        while (state := (client.live(), client.ready("digits"))) != (True, True):
            seen.add(state)
            assert time.monotonic() < deadline
            time.sleep(0.05)
        images = digits["onnx"].answers().inputs["image"][:1]
        assert client.infer("digits", {"image": images})["scores"].shape == (1, 10)
    assert seen == {(False, False), (True, False)}


@pytest.mark.parametrize("answer", ['return [b"hello" for _ in rows]', 'raise ValueError("me?")'])
def test_a_model_with_another_handler_is_ready_and_tells_nothing(
    digits: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    other = tmp_path / "handler.py"
    other.write_text(
        "class Handler:\n"
        "    def initialize(self, context):\n"
        "        pass\n"
        "    def handle(self, rows, context):\n"
        f"        {answer}\n"
    )
    monkeypatch.setattr(archive, "HANDLER", other)
    with start(Deployment(digits["onnx"], "torchserve-grpc"), folder=tmp_path / "server") as running:
        at = {use: f"127.0.0.1:{port}" for use, port in running.ports.items()}
        for protocol, url in (
            ("torchserve-rest", f"http://{at['http']}"),
            ("torchserve-grpc", f"grpc://{at['grpc-management']}"),
        ):
            with connect(url, protocol=protocol, timeout_s=10) as client:
                assert client.ready("digits")
                told = client.metadata("digits")
                assert (told.name, told.inputs, told.outputs) == ("digits", (), ())
                assert client.config("digits") == {}
                with pytest.raises(EndpointError, match="cats"):
                    client.metadata("cats")


def test_two_at_once_each_end_without_leaving_anything_and_start_again_where_they_were(
    digits: Exported, tmp_path: Path
) -> None:
    artifact = digits["onnx"]
    deployments = [Deployment(artifact, stack) for stack in BOTH]
    first = start(deployments[0], folder=tmp_path / "first")
    try:
        with start(deployments[1], folder=tmp_path / "second") as second:
            for running in (first, second):
                with Served.of(running, artifact).client() as client:
                    Served.of(running, artifact).assert_answers(client, 0, 3)
        assert second.process.poll() is not None
        _assert_nothing_left(second)
        with Served.of(first, artifact).client() as client:
            Served.of(first, artifact).assert_answers(client, 0, 3)
        os.kill(first.process.pid, 9)
        assert first.process.wait(20) == -9
        _assert_nothing_left(first)
    finally:
        first.stop()
    again = start(deployments[0], folder=tmp_path / "first", ports=first.ports)
    with again, Served.of(again, artifact).client() as client:
        Served.of(again, artifact).assert_answers(client, 0, 3)
    _assert_nothing_left(again)


def _assert_nothing_left(running: RunningServer) -> None:
    assert running.launch.scratch is not None
    assert not running.launch.scratch.exists()
    assert not Path("/tmp/hsperfdata_root", str(running.process.pid)).exists()
    named = str(running.log.parent)
    left = [process for process in psutil.process_iter(["cmdline"]) if named in " ".join(process.info["cmdline"] or ())]
    assert not left


def test_a_model_that_cannot_be_loaded_is_told_in_one_line(digits: Exported, tmp_path: Path) -> None:
    folder = tmp_path / "artifact"
    shutil.copytree(digits["onnx"].folder, folder)
    artifact = Artifact.read(folder)
    artifact.path.write_bytes(b"nonsense")
    with pytest.raises(ServerError, match=r"15 s: /\S+: not an ONNX model that ONNX Runtime can run") as refused:
        start(Deployment(artifact, "torchserve-rest"), folder=tmp_path / "server", timeout_s=15)
    assert "\n" not in str(refused.value)
