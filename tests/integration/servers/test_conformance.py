"""Our own servers with every format: the official clients, unchanged, get the artifact's own answers.

Every format is asked everything on both servers. Its other precisions compute on the same runtime, behind the same
checks of what comes in: each is started once, on one server or the other, and asked for its answers.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc
import tritonclient.http
import urllib3
from prometheus_client.parser import text_string_to_metric_families
from tritonclient.utils import InferenceServerException

from exporters import Artifact, exporters_of
from exporters.artifact import Answers
from models import MODELS
from servers import Deployment, EndpointError, RunningServer, Settings, connect, start
from servers.runtimes import runtime_for
from tests.conftest import Exported

OURS = ("fastapi", "grpc")
EXPORTERS = exporters_of(MODELS.get("digits"))
FORMATS = [(stack, name) for name in EXPORTERS for stack in OURS]
PRECISIONS = [
    (stack, name, precision)
    for stack, (name, precision) in zip(
        cycle(OURS),
        ((name, each) for name, exporter in EXPORTERS.items() for each in exporter.precisions if each != "fp32"),
        strict=False,  # one of them has no end
    )
]
OFFICIAL = {"oip-http": tritonclient.http, "oip-grpc": tritonclient.grpc}


@dataclass(frozen=True)
class Served:
    """A server of the digits model, and what it must answer."""

    running: RunningServer
    artifact: Artifact
    answers: Answers
    """Read once: several threads that parse the headers of arrays at once fail at random in Python 3.11.7."""

    @property
    def official(self) -> Any:
        return OFFICIAL[self.running.endpoint.protocol]

    def client(self) -> AbstractContextManager[Any]:
        """The official client for the endpoint's protocol."""
        return self.official.InferenceServerClient(self.running.endpoint.url.partition("://")[2])

    def batch(self, first: int, size: int) -> tuple[np.ndarray, np.ndarray]:
        """A batch of the request pool and the artifact's own answers to it, one by one."""
        items = slice(first, first + size)
        return self.answers.inputs["image"][items], self.answers.outputs["scores"][items]

    def ask(self, client: Any, images: np.ndarray, name: str = "image", datatype: str = "FP32", **options: Any) -> Any:
        """Ask through the official client."""
        tensor = self.official.InferInput(name, images.shape, datatype)
        tensor.set_data_from_numpy(images, **options)
        return client.infer("digits", [tensor])

    def assert_right(self, scores: np.ndarray, expected: np.ndarray) -> None:
        """Kernels may sum in another order at another batch size: as close as the export's own check."""
        assert scores.dtype == np.float32
        np.testing.assert_allclose(scores, expected, rtol=0, atol=self.artifact.manifest.answer_tolerance["scores"])

    def samples(self) -> dict[str, float]:
        """The metrics of the model, histograms by their count and sum."""
        url = self.running.endpoint.metrics_url
        assert url is not None
        text = urllib3.request("GET", url).data.decode()
        families = text_string_to_metric_families(text)
        return {
            sample.name: sample.value
            for family in families
            for sample in family.samples
            if sample.labels == {"model": "digits"}
        }


@contextmanager
def _serving(artifact: Artifact, stack: str, folder: Path) -> Iterator[Served]:
    with start(Deployment(artifact, stack, Settings(instances=2)), folder=folder) as running:
        yield Served(running, artifact, artifact.answers())
        assert running.process.poll() is None, "the server died under the tests"


@pytest.fixture(scope="module", params=FORMATS, ids="-".join)
def served(
    request: pytest.FixtureRequest, digits: Exported, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    stack, name = request.param
    with _serving(digits[name], stack, tmp_path_factory.mktemp("server")) as serving:
        yield serving


@pytest.fixture(scope="module")
def threads() -> Iterator[ThreadPoolExecutor]:
    """Threads for clients, the same for all tests: in each one the official HTTP client leaves an event loop open."""
    with ThreadPoolExecutor(8) as executor:
        yield executor


def test_it_is_live_and_ready(served: Served) -> None:
    with served.client() as client:
        assert client.is_server_live()
        assert client.is_server_ready()
        assert client.is_model_ready("digits")
        assert client.is_model_ready("digits", "1")


def test_its_metadata_is_the_manifests(served: Served) -> None:
    manifest = served.artifact.manifest
    with served.client() as client:
        told = client.get_model_metadata("digits", "1")
        name, platform, versions = (
            (told["name"], told["platform"], told["versions"])
            if isinstance(told, dict)
            else (told.name, told.platform, list(told.versions))
        )
        assert (name, versions) == ("digits", ["1"])
        assert platform == runtime_for(manifest.format).platform
        assert client.get_server_metadata()
    with connect(served.running.endpoint.url, timeout_s=10) as ours:
        metadata = ours.metadata("digits")
    assert (metadata.inputs, metadata.outputs) == (manifest.inputs, manifest.outputs)


@pytest.mark.parametrize("size", [1, 3, 8])
def test_it_answers_as_the_artifact_does(served: Served, size: int) -> None:
    _assert_answers(served, size)


def test_many_clients_at_once_each_get_their_own_answer(served: Served, threads: ThreadPoolExecutor) -> None:
    _assert_many_answered(served, threads)


@pytest.mark.parametrize(("stack", "name", "precision"), PRECISIONS, ids=map("-".join, PRECISIONS))
def test_every_precision_is_answered_as_the_artifact_does(
    digits: Exported, tmp_path: Path, threads: ThreadPoolExecutor, stack: str, name: str, precision: str
) -> None:
    with _serving(digits[f"{name}/{precision}"], stack, tmp_path) as served:
        for size in (1, 3, 8):
            _assert_answers(served, size)
        _assert_many_answered(served, threads)
        with connect(served.running.endpoint.url, timeout_s=10) as ours:
            told = ours.config("digits")
        assert (told["format"], told["precision"]) == (served.artifact.manifest.format, precision)


def _assert_answers(served: Served, size: int) -> None:
    images, expected = served.batch(5, size)
    with served.client() as client:
        answer = served.ask(client, images)
        served.assert_right(answer.as_numpy("scores"), expected)
        assert answer.as_numpy("scores").shape == (size, 10)
    with connect(served.running.endpoint.url, timeout_s=10) as ours:
        served.assert_right(ours.infer("digits", {"image": images})["scores"], expected)


def _assert_many_answered(served: Served, threads: ThreadPoolExecutor) -> None:
    def ask(number: int) -> None:
        with served.client() as client:
            for first in range(number, 64, 8):
                images, expected = served.batch(first, 1 + number % 3)
                served.assert_right(served.ask(client, images).as_numpy("scores"), expected)

    list(threads.map(ask, range(8)))


def test_request_ids_and_requested_outputs_are_honoured(served: Served) -> None:
    images, expected = served.batch(0, 1)
    tensor = served.official.InferInput("image", images.shape, "FP32")
    tensor.set_data_from_numpy(images)
    wanted = served.official.InferRequestedOutput("scores")
    with served.client() as client:
        answer = client.infer("digits", [tensor], model_version="1", outputs=[wanted], request_id="seven")
    told = answer.get_response()
    assert (told["id"] if isinstance(told, dict) else told.id) == "seven"
    served.assert_right(answer.as_numpy("scores"), expected)


BAD = {
    "a wrong shape": (np.zeros((1, 1, 8, 9), np.float32), "image", "FP32", "has shape"),
    "too few axes": (np.zeros((1, 64), np.float32), "image", "FP32", "has shape"),
    "a wrong dtype": (np.zeros((1, 1, 8, 8), np.float64), "image", "FP64", "has dtype float64, expected float32"),
    "an unknown tensor": (np.zeros((1, 1, 8, 8), np.float32), "picture", "FP32", "missing tensor 'image'"),
    "bytes": (np.array([b"a"], dtype=object), "image", "BYTES", "has dtype object"),
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_inputs_that_do_not_fit_are_refused_and_the_server_goes_on(
    served: Served, bad: tuple[np.ndarray, str, str, str]
) -> None:
    array, name, datatype, line = bad
    with served.client() as client:
        with pytest.raises(InferenceServerException) as refused:
            served.ask(client, array, name, datatype)
        assert line in refused.value.message()
        assert refused.value.status() in ("400", "StatusCode.INVALID_ARGUMENT")
        images, expected = served.batch(0, 1)
        served.assert_right(served.ask(client, images).as_numpy("scores"), expected)


def test_unknown_models_versions_and_outputs_are_refused(served: Served) -> None:
    images, _ = served.batch(0, 1)
    tensor = served.official.InferInput("image", images.shape, "FP32")
    tensor.set_data_from_numpy(images)
    not_found = ("404", "StatusCode.NOT_FOUND")
    with served.client() as client:
        for model, version, line in (("cats", "", "unknown model 'cats'"), ("digits", "2", "no version '2'")):
            with pytest.raises(InferenceServerException) as refused:
                client.infer(model, [tensor], model_version=version)
            assert refused.value.status() in not_found
            assert line in refused.value.message()
            with pytest.raises(InferenceServerException) as refused:
                client.get_model_metadata(model, version)
            assert refused.value.status() in not_found
        with pytest.raises(InferenceServerException) as refused:
            client.infer("digits", [tensor], outputs=[served.official.InferRequestedOutput("logits")])
        assert "unknown output 'logits': the model has scores" in refused.value.message()
    with connect(served.running.endpoint.url, timeout_s=10) as ours:
        assert not ours.ready("cats")
        with pytest.raises(EndpointError, match="unknown model 'cats': this server has 'digits'"):
            ours.infer("cats", {"image": images})


@contextmanager
def _counting(served: Served) -> Iterator[dict[str, float]]:
    """How much each metric grows within the block."""
    before = served.samples()
    grown: dict[str, float] = {}
    yield grown
    grown |= {name: value - before[name] for name, value in served.samples().items() if not name.endswith("_created")}


def test_its_metrics_are_of_the_requests_made(served: Served) -> None:
    images, _ = served.batch(0, 1)
    with served.client() as client, _counting(served) as grown:
        for _ in range(20):
            served.ask(client, images)
        for _ in range(3):
            with pytest.raises(InferenceServerException):
                served.ask(client, images, "picture")
    assert grown["tailbed_requests_total"] == 23
    assert grown["tailbed_request_failures_total"] == 3
    assert grown["tailbed_queue_duration_seconds_count"] == 20
    assert grown["tailbed_compute_duration_seconds_count"] == 20
    assert grown["tailbed_compute_duration_seconds_sum"] > 0
    assert grown["tailbed_queue_duration_seconds_sum"] > 0
