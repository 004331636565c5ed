"""Dynamic batching in real servers: many clients at once, each with answers of its own; and what servers say of it."""

import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc
import tritonclient.http
from tritonclient.utils import InferenceServerException

from exporters import MANIFEST, Artifact
from exporters.artifact import sha256_of, write_manifest
from models import TensorSpec
from servers import STACKS, Deployment, EndpointError, RunningServer, ServerError, Settings, connect, start
from servers.metrics import Metrics
from tests.conftest import Exported

ROWS = 1000
OFFICIAL = {"oip-http": tritonclient.http, "oip-grpc": tritonclient.grpc}
MINUTE_US = 60_000_000
"""A delay that no client waits for: what is answered was answered because its batch was full."""

every_stack = pytest.mark.parametrize("stack", [name for name in STACKS.names() if name in ("fastapi", "grpc")])


def _table() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(ROWS, 4)).astype(np.float32)


def _artifact(digits: Exported, folder: Path, batch: str | int) -> Artifact:
    """A model that looks rows of a table up, and fails on a row that is not there."""
    from onnx import TensorProto, checker, helper, numpy_helper, save

    specs = {
        "inputs": (TensorSpec("index", "int64", (batch,)),),
        "outputs": (TensorSpec("row", "float32", (batch, 4)),),
    }
    graph = helper.make_graph(
        [helper.make_node("Gather", ["table", "index"], ["row"])],
        "lookup",
        [helper.make_tensor_value_info("index", TensorProto.INT64, [batch])],
        [helper.make_tensor_value_info("row", TensorProto.FLOAT, [batch, 4])],
        [numpy_helper.from_array(_table(), "table")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    checker.check_model(model, full_check=True)
    shutil.copytree(digits["onnx"].folder, folder)
    original = Artifact.read(folder).manifest
    save(model, folder / original.file)
    update = {"model": "lookup", "sha256": sha256_of(folder / original.file), **specs}
    (folder / MANIFEST).unlink()
    write_manifest(folder, original.model_copy(update=update))
    return Artifact.read(folder)


@pytest.fixture(scope="module")
def lookup(digits: Exported, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return _artifact(digits, tmp_path_factory.mktemp("lookup") / "artifact", "batch")


@contextmanager
def _serving(artifact: Artifact, stack: str, folder: Path, **settings: int) -> Iterator[RunningServer]:
    with start(Deployment(artifact, stack, Settings(**settings)), folder=folder) as running:
        yield running
        assert running.process.poll() is None
        assert "Traceback" not in running.log.read_text()


def _ask(running: RunningServer, index: np.ndarray) -> np.ndarray:
    with connect(running.endpoint.url, timeout_s=30) as client:
        return client.infer("lookup", {"index": index})["row"]


def _metric(running: RunningServer, name: str, **labels: str) -> float | None:
    assert running.endpoint.metrics_url is not None
    metrics = Metrics.scrape(running.endpoint.metrics_url)
    assert metrics is not None
    return metrics.total(f"tailbed_{name}", model="lookup", **labels)


@every_stack
def test_many_clients_at_once_get_their_own_answers(lookup: Artifact, tmp_path: Path, stack: str) -> None:
    table = _table()

    def client(number: int) -> None:
        generator = np.random.default_rng(number)
        with connect(running.endpoint.url, timeout_s=30) as connected:
            for _ in range(40):
                index = generator.integers(ROWS, size=generator.integers(1, 7))  # some alone larger than a batch
                np.testing.assert_array_equal(connected.infer("lookup", {"index": index})["row"], table[index])

    with (
        _serving(lookup, stack, tmp_path, instances=2, max_batch=5, max_delay_us=2000) as running,
        ThreadPoolExecutor(16) as clients,
    ):
        list(clients.map(client, range(16)))
        batches, items = _metric(running, "batch_size_count"), _metric(running, "batch_size_sum")
        answered = _metric(running, "compute_duration_seconds_count")
        assert _metric(running, "queue_duration_seconds_count") == answered == 16 * 40
    assert items == sum(
        len(generator.integers(ROWS, size=generator.integers(1, 7)))
        for generator in map(np.random.default_rng, range(16))
        for _ in range(40)
    )
    assert batches is not None
    assert batches < 16 * 40, "none were joined"


@every_stack
def test_a_full_batch_goes_at_once_and_a_lone_request_waits(lookup: Artifact, tmp_path: Path, stack: str) -> None:
    with (
        _serving(lookup, stack, tmp_path, max_batch=8, max_delay_us=MINUTE_US) as running,
        ThreadPoolExecutor(8) as clients,
    ):
        started = time.monotonic()
        rows = list(clients.map(lambda number: _ask(running, np.array([number])), range(8)))
        assert time.monotonic() - started < 60
        np.testing.assert_array_equal(np.concatenate(rows), _table()[:8])
        assert (_metric(running, "batch_size_count"), _metric(running, "batch_size_sum")) == (1, 8)
        assert _metric(running, "batch_size_bucket", le="4.0") == 0
        with connect(running.endpoint.url, timeout_s=0.5) as client, pytest.raises(EndpointError, match="no answer"):
            client.infer("lookup", {"index": np.array([1])})
        # That client has gone, and its place is kept: seven more fill the batch.
        rows = list(clients.map(lambda number: _ask(running, np.array([number])), range(8, 15)))
        np.testing.assert_array_equal(np.concatenate(rows), _table()[8:15])


@every_stack
def test_a_poisonous_request_fails_alone(lookup: Artifact, tmp_path: Path, stack: str) -> None:
    def client(number: int) -> np.ndarray | str:
        try:
            return _ask(running, np.array([ROWS + 7 if number == 5 else number]))
        except EndpointError as error:
            return str(error)

    with (
        _serving(lookup, stack, tmp_path, max_batch=8, max_delay_us=MINUTE_US) as running,
        ThreadPoolExecutor(8) as clients,
    ):
        answers = list(clients.map(client, range(8)))
        assert "a batch of 8 requests failed, each is computed alone" in running.log.read_text()
    failed = answers.pop(5)
    assert isinstance(failed, str)
    assert "the runtime failed" in failed
    np.testing.assert_array_equal(np.concatenate(answers), np.delete(_table()[:8], 5, axis=0))


@every_stack
def test_without_batching_there_are_no_batches(lookup: Artifact, tmp_path: Path, stack: str) -> None:
    with _serving(lookup, stack, tmp_path) as running, ThreadPoolExecutor(8) as clients:
        rows = list(clients.map(lambda number: _ask(running, np.array([number])), range(40)))
        np.testing.assert_array_equal(np.concatenate(rows), _table()[:40])
        assert _metric(running, "compute_duration_seconds_count") == 40
        assert _metric(running, "batch_size_count") is None


@every_stack
def test_a_model_that_cannot_be_batched_is_refused_in_one_line(digits: Exported, tmp_path: Path, stack: str) -> None:
    fixed = _artifact(digits, tmp_path / "fixed", 1)
    with pytest.raises(ServerError, match="max_batch above 1: input 'index' of lookup has no batch axis"):
        start(Deployment(fixed, stack, Settings(max_batch=2)), folder=tmp_path / "server")
    # One whose specifications promise what its file does not compute.
    promised = {
        "inputs": (TensorSpec("index", "int64", ("batch",)),),
        "outputs": (TensorSpec("row", "float32", ("batch", 4)),),
    }
    write_manifest(fixed.folder, fixed.manifest.model_copy(update=promised))
    with pytest.raises(ServerError, match=r"lookup/onnx/fp32 cannot compute: .*invalid dimensions for input: index"):
        start(Deployment(Artifact.read(fixed.folder), stack, Settings(max_batch=2)), folder=tmp_path / "server")


@every_stack
def test_the_configuration_is_tritons_and_has_the_runtimes_facts(lookup: Artifact, tmp_path: Path, stack: str) -> None:
    with _serving(lookup, stack, tmp_path, instances=2, max_batch=16, max_delay_us=500) as running:
        told = _official_config(running)
        assert (told["name"], told["platform"]) == ("lookup", "onnx_onnxv1")
        assert int(told["max_batch_size"]) == 16
        assert int(told["dynamic_batching"]["max_queue_delay_microseconds"]) == 500
        (group,) = told["instance_group"]
        assert (group["kind"], group["count"]) == ("KIND_CPU", 2)
        (given,), (answered,) = told["input"], told["output"]
        assert (given["name"], given["data_type"], given.get("dims", [])) == ("index", "TYPE_INT64", [])
        assert (answered["name"], answered["data_type"]) == ("row", "TYPE_FP32")
        assert list(map(int, answered["dims"])) == [4], "the batch axis is left out"
        with connect(running.endpoint.url, timeout_s=30) as client:
            parameters = client.config("lookup")
        assert parameters == {name: value["string_value"] for name, value in told["parameters"].items()}
        assert (parameters["format"], parameters["precision"]) == ("onnx", "fp32")
        assert parameters["intra_op_threads"] == "1"
        assert "onnxruntime" in parameters


@every_stack
def test_without_batching_the_configuration_says_so(lookup: Artifact, tmp_path: Path, stack: str) -> None:
    with _serving(lookup, stack, tmp_path) as running:
        told = _official_config(running)
        assert int(told.get("max_batch_size", 0)) == 0
        assert "dynamic_batching" not in told
        assert list(map(int, told["output"][0]["dims"])) == [-1, 4]
        official = OFFICIAL[running.endpoint.protocol]
        with (
            official.InferenceServerClient(running.endpoint.url.partition("://")[2]) as client,
            pytest.raises(InferenceServerException, match="unknown model 'cats'"),
        ):
            client.get_model_config("cats")


def _official_config(running: RunningServer) -> Any:
    """The configuration as the official client of the protocol reads it."""
    host = running.endpoint.url.partition("://")[2]
    if running.endpoint.protocol == "oip-grpc":
        with tritonclient.grpc.InferenceServerClient(host) as client:
            return client.get_model_config("lookup", as_json=True)["config"]
    with tritonclient.http.InferenceServerClient(host) as client:
        return client.get_model_config("lookup")
