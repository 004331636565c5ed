"""Every registered stack in its protocol, asked by the protocol's own client: one conformance suite for all of them."""

import os
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import psutil
import pytest

from exporters import Artifact
from exporters.artifact import Answers
from servers import STACKS, Client, Deployment, EndpointError, RunningServer, Settings, connect, mean_times, start
from tailbed.experiment.first_answer import observe_cold_start
from tailbed.results.schema import ColdStart
from tests.conftest import Exported
from tests.integration.servers.stacks import FORMATS, Footprint, installed, one_of_each_folder, usual_format

OURS: Final = ("fastapi", "grpc")
"""They serve every format in test_conformance."""
UNTOLD: Final = ("torchserve-grpc",)
"""TorchServe measures what comes over REST only."""
UNTYPED: Final = ("tfserving-rest",)
"""Protocols whose numbers have no dtype: any number is what the model takes."""
_START_S: Final = 240.0
_ANSWER_S: Final = 30.0


@dataclass(frozen=True)
class Served:
    """A server of the digits model, and what it must answer."""

    stack: str
    running: RunningServer
    artifact: Artifact
    answers: Answers
    """Read once: several threads that parse the headers of arrays at once fail at random in Python 3.11.7."""
    stages: ColdStart
    """Of its start, its first answer included."""

    def client(self) -> Client:
        endpoint = self.running.endpoint
        return connect(endpoint.url, protocol=endpoint.protocol, timeout_s=_ANSWER_S)

    def assert_answers(self, client: Client, first: int, size: int) -> None:
        """A batch of the request pool gets the artifact's own answers; kernels may sum in another order in a batch."""
        items = slice(first, first + size)
        outputs = client.infer(self.running.endpoint.model, {"image": self.answers.inputs["image"][items]})
        assert outputs.keys() == {"scores"}
        assert outputs["scores"].dtype == np.float32
        assert outputs["scores"].shape == (size, 10)
        tolerance = self.artifact.manifest.answer_tolerance["scores"]
        np.testing.assert_allclose(outputs["scores"], self.answers.outputs["scores"][items], rtol=0, atol=tolerance)


def _serve(stack: str, artifact: Artifact, folder: Path, instances: int) -> Iterator[Served]:
    """On one core, and asked at once: what says that it is ready must answer, and rightly."""
    answers, tolerance = artifact.answers(), artifact.manifest.answer_tolerance
    deployment = Deployment(artifact, stack, Settings(instances), cores=(max(os.sched_getaffinity(0)),))
    with start(deployment, folder=folder, timeout_s=_START_S) as running:
        stages = observe_cold_start(running, answers, tolerance=tolerance, timeout_s=_ANSWER_S)
        yield Served(stack, running, artifact, answers, stages)
        assert running.process.poll() is None, "the server died under the tests"


@pytest.fixture(scope="module", params=STACKS.names())
def served(
    request: pytest.FixtureRequest, digits: Exported, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    stack = installed(request.param)
    yield from _serve(stack.name, digits[usual_format(stack)], tmp_path_factory.mktemp("server"), instances=2)


def test_it_answers_rightly_as_soon_as_it_is_ready(served: Served) -> None:
    stages = served.stages
    assert stages.listening_ms is not None
    assert stages.first_answer_ms is not None, "no answer, or a wrong one"
    assert 0 < stages.listening_ms <= stages.ready_ms < stages.first_answer_ms


def test_it_is_where_it_was_put(served: Served) -> None:
    """On this machine's own address only, and on the cores that it was given, with all its processes."""
    server = psutil.Process(served.running.process.pid)
    family = [server, *server.children(recursive=True)]
    assert {core for process in family for core in process.cpu_affinity()} == {max(os.sched_getaffinity(0))}
    # A server may open the ports that are not asked for readiness a little later.
    deadline, ports = time.monotonic() + _ANSWER_S, set(served.running.ports.values())
    while not ports <= {port for _, port in Footprint.of(server.pid).sockets}:
        assert time.monotonic() < deadline, "not all of its ports are open"
        time.sleep(0.05)
    assert {host for host, _ in Footprint.of(server.pid).sockets} == {"127.0.0.1"}


def test_it_says_what_it_serves(served: Served) -> None:
    manifest = served.artifact.manifest
    with served.client() as client:
        assert client.live()
        assert client.ready(served.running.endpoint.model)
        told = client.metadata(served.running.endpoint.model)
    # Not every protocol tells of tensors; what is told must be true.
    for found, specs in ((told.inputs, manifest.inputs), (told.outputs, manifest.outputs)):
        assert {spec.name: spec.dtype for spec in found} in ({}, {spec.name: spec.dtype for spec in specs})


@pytest.mark.parametrize("size", [1, 3, 8])
def test_it_answers_as_the_artifact_does(served: Served, size: int) -> None:
    with served.client() as client:
        served.assert_answers(client, 5, size)


def test_many_clients_at_once_each_get_their_own_answer(served: Served) -> None:
    def ask(number: int) -> None:
        with served.client() as client:
            for first in range(number, 64, 8):
                served.assert_answers(client, first, 1 + number % 3)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(ask, range(8)))


BAD = {
    "a wrong shape": ("image", np.zeros((1, 1, 8, 9), np.float32)),
    "too few axes": ("image", np.zeros((1, 64), np.float32)),
    "a wrong dtype": ("image", np.zeros((1, 1, 8, 8), np.bool_)),
    "a wrong size of number": ("image", np.zeros((1, 1, 8, 8), np.float64)),
    "an unknown tensor": ("picture", np.zeros((1, 1, 8, 8), np.float32)),
}


@pytest.mark.parametrize(("name", "array"), BAD.values(), ids=BAD)
def test_inputs_that_do_not_fit_are_refused_and_the_server_goes_on(
    served: Served, name: str, array: np.ndarray
) -> None:
    if served.running.endpoint.protocol in UNTYPED and array.dtype == np.float64:
        pytest.skip("the protocol has numbers of no particular size")
    with served.client() as client:
        with pytest.raises(EndpointError) as refused:
            client.infer(served.running.endpoint.model, {name: array})
        line = str(refused.value)
        assert "\n" not in line
        assert line.startswith(served.running.endpoint.url)
        assert re.search("image|picture|shape|dtype", line), "the server's own words are missing"
        assert "cannot connect" not in line
        assert "no answer" not in line
        served.assert_answers(client, 0, 1)


def test_an_unknown_model_is_refused(served: Served) -> None:
    images = served.answers.inputs["image"][:1]
    with served.client() as client:
        assert not client.ready("cats")
        for ask in (lambda: client.infer("cats", {"image": images}), lambda: client.metadata("cats")):
            with pytest.raises(EndpointError, match="cats") as refused:
                ask()
            assert "\n" not in str(refused.value)
        served.assert_answers(client, 0, 1)


def test_it_tells_where_the_time_of_its_requests_went(served: Served) -> None:
    stack, endpoint = STACKS.get(served.stack), served.running.endpoint
    before = stack.times(endpoint)
    with served.client() as client:
        for first in range(7):
            served.assert_answers(client, first, 1)
    after = stack.times(endpoint)
    assert (before is None) == (after is None) == (stack.name in UNTOLD)
    if before is not None and after is not None:
        assert after.requests - before.requests == 7
        means = mean_times(before, after)
        assert means is not None
        assert means[0] >= 0
        assert means[1] > 0


@pytest.mark.parametrize(
    ("stack", "format"),
    [
        (name, format)
        for name in one_of_each_folder()
        for format in FORMATS
        if name not in OURS and STACKS.get(name).serves(format)
    ],
)
def test_every_format_is_answered_as_the_artifact_does(
    digits: Exported, tmp_path: Path, stack: str, format: str
) -> None:
    for served in _serve(installed(stack).name, digits[format], tmp_path, instances=1):
        assert served.stages.first_answer_ms is not None, "no answer, or a wrong one"
        with served.client() as client:
            for size in (1, 3, 8):
                served.assert_answers(client, 5, size)
