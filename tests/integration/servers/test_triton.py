"""The real Triton: right answers over both protocols, and nothing left of it, however it ends."""

import glob
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import psutil
import pytest
import tritonclient.grpc
import tritonclient.http
from tritonclient.utils import InferenceServerException

from exporters import MANIFEST, Artifact
from exporters.artifact import sha256_of, write_manifest
from models import TensorSpec
from servers import STACKS, Deployment, EndpointError, RunningServer, ServerError, Settings, connect, mean_times, start
from servers.metrics import Metrics
from servers.oip.datatypes import BYTES, DATATYPES, to_numpy
from servers.triton.environment import ENVIRONMENT
from tests.conftest import Exported
from tests.environments import provide

OFFICIAL: dict[str, Any] = {"http": tritonclient.http, "grpc": tritonclient.grpc}
DTYPES = [str(to_numpy(datatype)) for datatype in DATATYPES if datatype != BYTES]

T = TypeVar("T")


@pytest.fixture(scope="module", autouse=True)
def triton() -> None:
    provide(ENVIRONMENT)


@pytest.fixture(scope="module")
def running(triton: None, digits: Exported, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Digits in ONNX, which leaves the server as it was found."""
    deployment = Deployment(digits["onnx"], "triton-http", Settings(instances=2))
    with start(deployment, folder=tmp_path_factory.mktemp("triton")) as running:
        yield running
        assert running.process.poll() is None, "the server died under the tests"
        assert "PyCapsule" not in running.log.read_text(), "each tensor leaves a line in the log"


def _url(running: RunningServer, protocol: str) -> str:
    return f"{protocol}://127.0.0.1:{running.ports[protocol]}"


def _official(
    running: RunningServer, protocol: str, model: str, inputs: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """All outputs, by the official client."""
    library = OFFICIAL[protocol]
    tensors = []
    for name, array in inputs.items():
        datatype = tritonclient.utils.np_to_triton_dtype(array.dtype)
        tensors.append(library.InferInput(name, array.shape, datatype))
        tensors[-1].set_data_from_numpy(array)
    with library.InferenceServerClient(f"127.0.0.1:{running.ports[protocol]}") as client:
        answer = client.infer(model, tensors)
        outputs = client.get_model_metadata(model, **({"as_json": True} if protocol == "grpc" else {}))["outputs"]
        return {output["name"]: answer.as_numpy(output["name"]) for output in outputs}


def _ours(running: RunningServer, protocol: str, model: str, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    with connect(_url(running, protocol), timeout_s=20) as client:
        return client.infer(model, inputs)


def _assert_right(
    artifact: Artifact, running: RunningServer, first: int, size: int, protocols: Iterable[str] = OFFICIAL
) -> None:
    answers = artifact.answers()
    images, expected = (arrays[first : first + size] for arrays in (answers.inputs["image"], answers.outputs["scores"]))
    for protocol in protocols:
        for ask in (_official, _ours):
            scores = ask(running, protocol, "digits", {"image": images})["scores"]
            assert scores.dtype == np.float32
            tolerance = artifact.manifest.answer_tolerance["scores"]
            np.testing.assert_allclose(scores, expected, rtol=0, atol=tolerance)


def _family(running: RunningServer) -> list[psutil.Process]:
    """The server, what it started, and its supervisor."""
    server = psutil.Process(running.process.pid)
    return [server, *server.children(recursive=True), *server.parents()[:2]]


def _shared_memory(running: RunningServer) -> list[str]:
    return [path for pattern in running.launch.leftovers for path in glob.glob(pattern)]  # noqa: PTH207  # an absolute pattern


@pytest.mark.parametrize("format", ["onnx", "torchscript", "tflite", "jax-export", "savedmodel"])
def test_it_answers_as_the_artifact_does(digits: Exported, tmp_path: Path, format: str) -> None:
    artifact = digits[format]
    with start(Deployment(artifact, "triton-http"), folder=tmp_path) as running:
        for first, size in ((0, 1), (5, 3), (20, 8)):
            _assert_right(artifact, running, first, size)
    assert running.process.poll() == 0, running.log.read_text()


def test_it_tells_what_it_serves(running: RunningServer, digits: Exported) -> None:
    manifest = digits["onnx"].manifest
    for protocol in OFFICIAL:
        with connect(_url(running, protocol), timeout_s=20) as client:
            metadata = client.metadata("digits")
            assert (metadata.inputs, metadata.outputs) == (manifest.inputs, manifest.outputs)
            told = client.config("digits")
        assert (told["artifact"], told["sha256"]) == ("digits/onnx/fp32", manifest.sha256)
        assert (told["backend"], told["runtime"], told["threads"]) == ("python", "onnxruntime", "1")
        assert told["onnxruntime"] == manifest.versions["onnxruntime"]
    assert "digits/onnx/fp32 is ready on onnxruntime" in running.log.read_text()


BAD = {
    "a wrong shape": ({"image": np.zeros((1, 1, 8, 9), np.float32)}, "unexpected shape for input 'image'"),
    "too few axes": ({"image": np.zeros((1, 64), np.float32)}, "unexpected shape for input 'image'"),
    "a wrong dtype": ({"image": np.zeros((1, 1, 8, 8), np.float64)}, "data-type is 'FP64', but model 'digits' expects"),
    "strings": ({"image": np.full((1, 1, 8, 8), b"a", object)}, "data-type is 'BYTES', but model 'digits' expects"),
    "an unknown tensor": ({"picture": np.zeros((1, 1, 8, 8), np.float32)}, "unexpected inference input 'picture'"),
}


@pytest.mark.parametrize("protocol", OFFICIAL)
@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_inputs_that_do_not_fit_are_refused_and_the_server_goes_on(
    running: RunningServer, digits: Exported, bad: tuple[dict[str, np.ndarray], str], protocol: str
) -> None:
    inputs, line = bad
    with pytest.raises(InferenceServerException) as refused:
        _official(running, protocol, "digits", inputs)
    assert line in refused.value.message()
    assert refused.value.status() in ("400", "StatusCode.INVALID_ARGUMENT")
    with pytest.raises(EndpointError, match=line):
        _ours(running, protocol, "digits", inputs)
    _assert_right(digits["onnx"], running, 0, 1)


def _until(look: Callable[[], T | None], right: Callable[[T], bool]) -> T:
    """What is found once it is right."""
    deadline = time.monotonic() + 30
    while (found := look()) is None or not right(found):
        assert time.monotonic() < deadline, found
        time.sleep(0.02)
    return found


def test_requests_are_counted_with_their_time(running: RunningServer, digits: Exported) -> None:
    stack = STACKS.get("triton-http")
    image = digits["onnx"].answers().inputs["image"][:1]
    before = stack.times(running.endpoint)
    for _ in range(7):
        _ours(running, "grpc", "digits", {"image": image})
    assert before is not None
    # It counts a request once its answer has gone out.
    after = _until(lambda: stack.times(running.endpoint), lambda found: found.requests - before.requests == 7)
    means = mean_times(before, after)
    assert means is not None
    assert means[0] >= 0
    assert means[1] > 0


def test_it_listens_on_this_machine_alone(running: RunningServer) -> None:
    assert STACKS.get("triton-http").times(running.endpoint) is not None  # the last of its ports is open
    listening = {
        (connection.laddr.ip.removeprefix("::ffff:"), connection.laddr.port)
        for process in _family(running)
        for connection in process.net_connections()
        if connection.status == "LISTEN"
    }
    assert listening == {("127.0.0.1", port) for port in running.ports.values()}


def test_its_threads_and_cores_are_those_asked_for(running: RunningServer, digits: Exported, tmp_path: Path) -> None:
    """Beside the other server, which goes on: two at once do not get into each other's way."""
    core = max(os.sched_getaffinity(0))
    deployment = Deployment(digits["onnx"], "triton-grpc", Settings(threads=2), cores=(core,))
    with start(deployment, folder=tmp_path) as other:
        assert other.endpoint.url == _url(other, "grpc")
        for process in _family(other)[:2]:
            assert process.cpu_affinity() == [core]
            assert (process.environ()["OMP_NUM_THREADS"], process.environ()["OMP_WAIT_POLICY"]) == ("2", "PASSIVE")
        assert not set(_shared_memory(other)) & set(_shared_memory(running))
        for server in (running, other):
            # Of the other one only that protocol is known to be there: it opens its ports one after another.
            _assert_right(digits["onnx"], server, 3, 2, ("grpc",))
    _assert_right(digits["onnx"], running, 3, 2)


def test_requests_are_joined_and_each_gets_its_own_answer(digits: Exported, tmp_path: Path) -> None:
    artifact = digits["onnx"]
    answers, tolerance = artifact.answers(), artifact.manifest.answer_tolerance["scores"]

    def ask(number: int) -> None:
        with connect(running.endpoint.url, timeout_s=30) as client:
            for first in range(number, 64, 8):
                items = slice(first, first + 1 + number % 3)
                scores = client.infer("digits", {"image": answers.inputs["image"][items]})["scores"]
                np.testing.assert_allclose(scores, answers.outputs["scores"][items], rtol=0, atol=tolerance)

    deployment = Deployment(artifact, "triton-grpc", Settings(max_batch=8, max_delay_us=20_000))
    with start(deployment, folder=tmp_path) as running, ThreadPoolExecutor(8) as clients:
        list(clients.map(ask, range(8)))
        assert running.endpoint.metrics_url is not None
        url = running.endpoint.metrics_url
        metrics = _until(
            lambda: Metrics.scrape(url),
            lambda found: found.total("nv_inference_request_success_total", model="digits") == 64,
        )
        batches = metrics.total("nv_inference_exec_count_total", model="digits")
        assert batches is not None
        assert batches < 64, "none were joined"
        with connect(running.endpoint.url, timeout_s=30) as client:
            with pytest.raises(EndpointError, match="batch-size must be <= 8"):
                client.infer("digits", {"image": answers.inputs["image"][:9]})
            assert client.infer("digits", {"image": answers.inputs["image"][:8]})["scores"].shape == (8, 10)


def test_it_is_restarted_on_its_port_after_a_kill_and_nothing_is_left(digits: Exported, tmp_path: Path) -> None:
    deployment = Deployment(digits["onnx"], "triton-http")
    with start(deployment, folder=tmp_path) as running:
        family = _family(running)
        assert len(family) == 4, "the server, its Python process, and the two of the supervisor"
        assert _shared_memory(running)
        os.kill(running.process.pid, signal.SIGKILL)
        assert running.process.wait(30) == -signal.SIGKILL
    _, alive = psutil.wait_procs(family, timeout=30)
    assert not alive
    assert not _shared_memory(running)
    with start(deployment, folder=tmp_path, ports=running.ports) as again:
        assert again.ports == running.ports
        _assert_right(digits["onnx"], again, 0, 3)
        family = _family(again)
    assert again.process.poll() == 0, again.log.read_text()
    assert not _shared_memory(again)
    assert not [process for process in family if process.is_running()]


def test_clients_that_stay_connected_do_not_keep_it(digits: Exported, tmp_path: Path) -> None:
    """It waits for them, for a while; then it goes all the same, and what it leaves is removed."""
    with start(Deployment(digits["onnx"], "triton-http"), folder=tmp_path) as running:
        family = _family(running)
        client = connect(running.endpoint.url, timeout_s=20)
        assert client.ready("digits")
    client.close()
    assert running.process.poll() is not None
    assert not _shared_memory(running)
    assert not [process for process in family if process.is_running()]


@pytest.fixture
def casts(digits: Exported, tmp_path: Path) -> Artifact:
    """A model with an output of every dtype, each holding the input's own values; and a row of a table of five."""
    from onnx import TensorProto, checker, helper, numpy_helper, save

    types = {name: helper.np_dtype_to_tensor_dtype(np.dtype(name)) for name in DTYPES}
    graph = helper.make_graph(
        [helper.make_node("Cast", ["x"], [name], to=type) for name, type in types.items()]
        + [helper.make_node("Gather", ["table", "index"], ["row"])],
        "casts",
        [
            helper.make_tensor_value_info("x", TensorProto.INT32, ["batch", 3]),
            helper.make_tensor_value_info("index", TensorProto.INT64, ["batch", 1]),
        ],
        [helper.make_tensor_value_info(name, type, ["batch", 3]) for name, type in types.items()]
        + [helper.make_tensor_value_info("row", TensorProto.FLOAT, ["batch", 1])],
        [numpy_helper.from_array(np.arange(5, dtype=np.float32), "table")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    checker.check_model(model, full_check=True)
    folder = tmp_path / "casts"
    shutil.copytree(digits["onnx"].folder, folder)
    original = Artifact.read(folder).manifest
    save(model, folder / original.file)
    update = {
        "model": "casts",
        "sha256": sha256_of(folder / original.file),
        "inputs": (TensorSpec("x", "int32", ("batch", 3)), TensorSpec("index", "int64", ("batch", 1))),
        "outputs": (
            *(TensorSpec(name, name, ("batch", 3)) for name in DTYPES),
            TensorSpec("row", "float32", ("batch", 1)),
        ),
    }
    (folder / MANIFEST).unlink()
    write_manifest(folder, original.model_copy(update=update))
    return Artifact.read(folder)


def test_tensors_of_every_dtype_come_whole(casts: Artifact, tmp_path: Path) -> None:
    """Triton's own conversion would, under numpy 2, repeat an input's first element and send outputs without bytes."""
    assert int(np.__version__.split(".")[0]) >= 2
    x, index = np.array([[7, 8, 9], [0, 1, 2]], np.int32), np.array([[4], [3]])
    with start(Deployment(casts, "triton-http"), folder=tmp_path / "server") as running:
        for protocol, status in (("http", "HTTP 400"), ("grpc", "INVALID_ARGUMENT")):
            for size in (2, 1, 0):
                outputs = _ours(running, protocol, "casts", {"x": x[:size], "index": index[:size]})
                assert outputs.keys() == {*DTYPES, "row"}
                np.testing.assert_array_equal(outputs["row"], index[:size].astype(np.float32), strict=True)
                for name in DTYPES:
                    np.testing.assert_array_equal(outputs[name], x[:size].astype(name), strict=True)
            # What only the model's own program can see: Triton lets both pass.
            with pytest.raises(EndpointError, match=rf"{status}: tensors have different batch sizes: \[1, 2\]"):
                _ours(running, protocol, "casts", {"x": x, "index": index[:1]})
            with pytest.raises(EndpointError, match=r"(HTTP 500|INTERNAL): the runtime failed: .*out of data bounds"):
                _ours(running, protocol, "casts", {"x": x[:1], "index": np.array([[9]])})
        assert _ours(running, "http", "casts", {"x": x, "index": index})["row"].tolist() == [[4], [3]]


def test_a_model_that_cannot_be_loaded_is_one_telling_line(digits: Exported, tmp_path: Path) -> None:
    folder = tmp_path / "broken"
    shutil.copytree(digits["onnx"].folder, folder)
    broken = Artifact.read(folder)
    broken.path.write_bytes(b"not a model")
    with pytest.raises(ServerError) as died:
        start(Deployment(broken, "triton-grpc"), folder=tmp_path / "server")
    line = str(died.value)
    assert "\n" not in line
    assert "the triton-grpc server of digits/onnx/fp32 ended with exit code 1 before it was ready" in line
    assert f": {broken.path}: not an ONNX model" in line
    assert line.endswith(f"(log: {tmp_path / 'server' / 'server.log'})")


@pytest.mark.skipif(shutil.which("nvidia-smi") is not None, reason="this machine has a GPU")
def test_a_gpu_that_is_not_there_is_one_telling_line(digits: Exported, tmp_path: Path) -> None:
    with pytest.raises(ServerError, match="specifies invalid or unsupported gpu id 0"):
        start(Deployment(digits["onnx"], "triton-http", Settings(device="cuda")), folder=tmp_path)
