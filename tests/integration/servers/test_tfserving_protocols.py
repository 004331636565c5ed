"""Our servers asked in the protocols of TensorFlow Serving: by our clients, the official stubs, HTTP and the load.

They are TF-Serving-compatible, not TensorFlow Serving, which cannot be had here.
"""

import filecmp
import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
import urllib3

from exporters import Artifact
from loadtest.plan import AnswerCheck, LoadPlan
from loadtest.records import Outcome
from loadtest.scenario import ClosedLoop
from models import TensorSpec
from servers import STACKS, Client, Deployment, EndpointError, RunningServer, ServerError, connect, start
from tests.conftest import Exported
from tests.integration.loadtest.engines import running
from tests.integration.loadtest.test_null_server import null_server
from tests.tfserving_stubs import STUBS, official, site_packages

ROOT = Path(__file__).parents[3]
COMPATIBLE = {"fastapi-tfserving-compatible": "tfserving-rest", "grpc-tfserving-compatible": "tfserving-grpc"}
NAMES = ["savedmodel", "savedmodel-jax", "tflite"]
CASES = [(stack, name) for stack in COMPATIBLE for name in NAMES]
REST, GRPC = COMPATIBLE


@dataclass(frozen=True)
class Served:
    running: RunningServer
    artifact: Artifact

    def client(self) -> Client:
        endpoint = self.running.endpoint
        return connect(endpoint.url, protocol=endpoint.protocol, timeout_s=10)

    def batch(self, first: int, size: int) -> tuple[np.ndarray, np.ndarray]:
        answers = self.artifact.answers()
        items = slice(first, first + size)
        return answers.inputs["image"][items], answers.outputs["scores"][items]

    def assert_right(self, scores: np.ndarray, expected: np.ndarray) -> None:
        np.testing.assert_allclose(scores, expected, rtol=0, atol=self.artifact.manifest.answer_tolerance["scores"])


@pytest.fixture(scope="module")
def served(
    request: pytest.FixtureRequest, digits: Exported, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    stack, name = request.param
    with start(Deployment(digits[name], stack), folder=tmp_path_factory.mktemp("server")) as running_server:
        yield Served(running_server, digits[name])
        assert running_server.process.poll() is None, "the server died under the tests"


each = pytest.mark.parametrize("served", CASES, ids="-".join, indirect=True)
over_rest = pytest.mark.parametrize("served", [(REST, "savedmodel")], ids="-".join, indirect=True)
over_grpc = pytest.mark.parametrize("served", [(GRPC, "savedmodel")], ids="-".join, indirect=True)
over_both = pytest.mark.parametrize("served", [(REST, "savedmodel"), (GRPC, "savedmodel")], ids="-".join, indirect=True)


@each
def test_it_answers_as_the_artifact_does(served: Served):
    with served.client() as client:
        assert client.live()
        assert client.ready("digits")
        assert not client.ready("other")
        metadata = client.metadata("digits")
        assert (metadata.name, metadata.versions) == ("digits", ("1",))
        assert (metadata.inputs, metadata.outputs) == (
            served.artifact.manifest.inputs,
            served.artifact.manifest.outputs,
        )
        assert client.config("digits") == {}
        for size in (1, 3, 8):
            images, expected = served.batch(5, size)
            scores = client.infer("digits", {"image": images})["scores"]
            assert scores.dtype == np.float32
            served.assert_right(scores, expected)


@each
def test_what_is_wrong_gets_the_protocols_own_error(served: Served):
    rest = served.running.endpoint.protocol == "tfserving-rest"
    invalid, unknown = ("HTTP 400: ", "HTTP 404: ") if rest else ("gRPC INVALID_ARGUMENT: ", "gRPC NOT_FOUND: ")
    images, expected = served.batch(0, 2)
    with served.client() as client:
        for model, inputs, told in (
            ("digits", {"image": images[:, :, :4]}, f"{invalid}tensor 'image' has shape"),
            ("digits", {"picture": images}, invalid),
            ("digits", {"image": images, "more": images}, invalid),
            ("other", {"image": images}, f"{unknown}unknown model 'other'"),
        ):
            with pytest.raises(EndpointError) as caught:
                client.infer(model, inputs)
            assert told in str(caught.value)
        served.assert_right(client.infer("digits", {"image": images})["scores"], expected)


@over_both
def test_what_the_protocol_cannot_hold_is_not_sent(served: Served):
    with served.client() as client, pytest.raises(EndpointError, match="'digits' cannot be asked: tensor 'image'"):
        client.infer("digits", {"image": np.zeros((1, 1, 8, 8), np.complex64)})


@over_both
def test_many_clients_at_once_each_get_their_own_answer(served: Served):
    def ask(number: int) -> None:
        with served.client() as client:
            for first in range(number, 64, 8):
                images, expected = served.batch(first, 1 + number % 3)
                served.assert_right(client.infer("digits", {"image": images})["scores"], expected)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(ask, range(8)))


@over_both
def test_nothing_answers_where_there_is_no_server(served: Served):
    with connect(
        f"{served.running.endpoint.url.split(':')[0]}://127.0.0.1:1",
        protocol=served.running.endpoint.protocol,
        timeout_s=1,
    ) as client:
        assert not client.live()
        assert not client.ready("digits")


@over_both
def test_its_times_and_its_log_are_those_of_our_server(served: Served):
    stack = STACKS.get(
        next(name for name, protocol in COMPATIBLE.items() if protocol == served.running.endpoint.protocol)
    )
    assert stack.stands_in_for == "TensorFlow Serving"
    assert stack.serves("onnx") is None
    assert "TF-Serving-compatible" in served.running.log.read_text()
    with served.client() as client:
        client.infer("digits", {"image": served.batch(0, 1)[0]})
    times = stack.times(served.running.endpoint)
    assert times is not None
    assert times.requests >= 1


@pytest.mark.parametrize("stack", COMPATIBLE)
def test_only_tensorflows_formats_are_served_in_its_name(digits: Exported, tmp_path: Path, stack: str):
    with pytest.raises(ServerError, match=f"cannot be served by {stack}: it serves savedmodel and tflite"):
        start(Deployment(digits["onnx"], stack), folder=tmp_path)


@over_rest
def test_plain_http_with_the_documented_json(served: Served):
    url = f"{served.running.endpoint.url}/v1/models/digits"
    images, expected = served.batch(0, 3)

    def post(message: object, path: str = ":predict") -> tuple[int, dict[str, object]]:
        answer = urllib3.request("POST", url + path, body=json.dumps(message), retries=False)
        return answer.status, json.loads(answer.data)

    for message, key in (
        ({"inputs": images.tolist()}, "outputs"),
        ({"inputs": {"image": images.tolist()}}, "outputs"),
        ({"signature_name": "serving_default", "instances": images.tolist()}, "predictions"),
        ({"instances": [{"image": image} for image in images.tolist()]}, "predictions"),
    ):
        for path in (":predict", "/versions/1:predict"):
            status, answer = post(message, path)
            assert (status, list(answer)) == (200, [key])
            served.assert_right(np.array(answer[key], np.float32), expected)
    for message, path, status in (
        ({"inputs": images.tolist()}, "/versions/2:predict", 404),
        ({"inputs": images.tolist(), "signature_name": "train"}, ":predict", 400),
        ({"inputs": [[1, 2], [3]]}, ":predict", 400),
        ({}, ":predict", 400),
    ):
        found, answer = post(message, path)
        assert (found, list(answer)) == (status, ["error"])
    for path in ("", "/versions/1"):
        answer = urllib3.request("GET", url + path, retries=False)
        assert answer.json()["model_version_status"][0]["state"] == "AVAILABLE"
        metadata = urllib3.request("GET", f"{url}{path}/metadata", retries=False).json()
        assert list(metadata["metadata"]["signature_def"]["signature_def"]) == ["serving_default"]
    assert urllib3.request("GET", f"{url}/versions/7", retries=False).status == 404


@over_grpc
def test_the_official_stubs_get_the_artifacts_own_answers(served: Served, tmp_path: Path):
    images, expected = served.batch(0, 8)
    np.savez(tmp_path / "inputs.npz", image=images)
    address = urlsplit(served.running.endpoint.url).netloc
    told = json.loads(official("ask", address, tmp_path / "inputs.npz", tmp_path / "answers.npz"))
    with np.load(tmp_path / "answers.npz") as answers:
        for size in (1, 3, 8):
            served.assert_right(answers[f"content{size}"], expected[:size])
            served.assert_right(answers[f"typed{size}"], expected[:size])
        served.assert_right(answers["named"], expected[:1])
    refused = told.pop("refused")
    assert told == {
        "model_spec": ["digits", 1, "serving_default"],
        "metadata_spec": ["digits", 1],
        "signature": ["serving_default", "tensorflow/serving/predict"],
        "inputs": {"image": ["DT_FLOAT", [-1, 1, 8, 8], "image:0"]},
        "outputs": {"scores": ["DT_FLOAT", [-1, 10], "scores:0"]},
        "status": [1, "AVAILABLE", 0],
    }
    assert {case: said.partition(":")[0] for case, said in refused.items()} == {
        "shape": "INVALID_ARGUMENT",
        "input": "INVALID_ARGUMENT",
        "signature": "INVALID_ARGUMENT",
        "output": "INVALID_ARGUMENT",
        "content": "INVALID_ARGUMENT",
        "model": "NOT_FOUND",
        "version": "NOT_FOUND",
        "status": "NOT_FOUND",
        "field": "NOT_FOUND",
    }


@over_both
def test_the_load_engine_checks_the_answers(served: Served, tmp_path: Path):
    endpoint = served.running.endpoint
    answers = served.artifact.answers()
    plan = LoadPlan(
        protocol=endpoint.protocol,
        url=endpoint.url,
        model="digits",
        pool=tmp_path / "pool.npz",
        warmup_s=0,
        timeout_s=5,
        scenario=ClosedLoop(concurrency=4),
        check=AnswerCheck(every=1, tolerance=served.artifact.manifest.answer_tolerance),
        duration_s=0.5,
    )
    right, wrong = answers.outputs["scores"][:8], answers.outputs["scores"][:8].copy()
    wrong[3] += 1
    for scores, faulty in ((right, set()), (wrong, {3})):
        np.savez(plan.pool, **{"inputs/image": answers.inputs["image"][:8], "outputs/scores": scores})
        with running(tmp_path, plan) as engine:
            found = engine.records()
        assert (found.outcome == Outcome.OK).all()
        assert len(found.outcome) > 20
        assert set(found.input_index[found.correct == 0].tolist()) == faulty
        assert (found.correct[~np.isin(found.input_index, list(faulty))] == 1).all()


@pytest.mark.parametrize("protocol", COMPATIBLE.values())
def test_the_null_server_is_ready_and_answers_any_model(protocol: str):
    tensors = ("--input", "x:int64:batch,3", "--output", "y:float32:batch,2,5", "--output", "z:bool:batch")
    with (
        null_server("--protocol", protocol, *tensors) as (url, _),
        connect(url, protocol=protocol, timeout_s=5) as client,
    ):
        assert client.live()
        assert client.ready("any")
        metadata = client.metadata("any")
        assert metadata.name == "any"
        assert metadata.inputs == (TensorSpec("x", "int64", ("batch", 3)),)
        outputs = client.infer("any", {"x": np.ones((1, 3), np.int64)})
        assert {name: (array.dtype.name, array.shape) for name, array in outputs.items()} == {
            "y": ("float32", (1, 2, 5)),
            "z": ("bool", (1,)),
        }


def test_our_messages_are_what_the_compiler_makes_of_their_text(tmp_path: Path):
    source = Path("servers/tfserving_api/tfserving.proto")
    site_packages()
    subprocess.run(
        [STUBS.python("this test"), "-m", "grpc_tools.protoc", "-I", ".", f"--python_out={tmp_path}", source],
        cwd=ROOT,
        check=True,
        env={"PYTHONPATH": ":".join(path for path in sys.path if path)},
    )
    made = source.with_name("tfserving_pb2.py")
    assert filecmp.cmp(tmp_path / made, ROOT / made, shallow=False)
