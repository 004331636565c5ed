"""What goes to TorchServe, without one: tensors, messages, configuration, archives."""

import json
import subprocess
import sys
import zipfile
from importlib.metadata import requires
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import orjson
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from exporters import Artifact
from loadtest.protocols import protocol_named
from models import TailbedError, TensorSpec
from servers import STACKS, Deployment, ServerError, Settings
from servers.errors import MessageError
from servers.metrics import Metrics
from servers.oip.metadata import ModelMetadata
from servers.protocols.torchserve_grpc import torchserve_pb2
from servers.protocols.torchserve_rest.codec import decode, encode
from servers.protocols.torchserve_rest.description import (
    decode_customized,
    decode_description,
    encode_customized,
    encode_description,
)
from servers.target import parse_target
from servers.times import ServerTimes
from servers.torchserve import configuration, environment
from servers.torchserve.archive import make_archive, model_config
from servers.torchserve.environment import ENVIRONMENT
from servers.torchserve.times import times_in
from tests.conftest import Exported
from tests.environments import provide
from tests.unit.servers.tensor_strategies import tensors

IMAGE = np.arange(6, dtype=np.float32).reshape(2, 3)


@given(tensors())
def test_tensors_come_back_as_they_were(given_: dict[str, np.ndarray]) -> None:
    kinds = {array.dtype.kind for array in given_.values()}
    if "O" in kinds:
        with pytest.raises(MessageError, match="safetensors cannot hold dtype object"):
            encode(given_)
        return
    found = decode(encode(given_))
    assert found.keys() == given_.keys()
    for name, array in given_.items():
        assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape)
        assert found[name].tobytes() == array.tobytes()


def test_arrays_that_do_not_lie_in_order_come_back_as_they_were() -> None:
    for array in (IMAGE.T, IMAGE[:, ::2], np.asfortranarray(IMAGE), IMAGE.astype(">f4")):
        np.testing.assert_array_equal(decode(encode({"x": array}))["x"], array)


def _survives(body: bytes) -> None:
    line = ""
    try:
        decode(body)
    except MessageError as error:
        line = str(error)
    assert "\n" not in line


@given(st.binary(max_size=200))
def test_what_is_no_safetensors_is_refused_in_one_line(body: bytes) -> None:
    _survives(body)


@given(st.data())
def test_a_message_that_is_cut_or_changed_is_read_or_refused(data: st.DataObject) -> None:
    whole = encode({"x": IMAGE})
    at = data.draw(st.integers(0, len(whole) - 1))
    changed = whole[:at] + data.draw(st.binary(max_size=3)) + whole[at + data.draw(st.integers(0, 3)) :]
    _survives(changed)


@pytest.mark.parametrize("dtype", ["BF16", "F8_E4M3"])
def test_dtypes_that_numpy_does_not_have_are_refused(dtype: str) -> None:
    size = 4 if dtype == "BF16" else 2
    header = json.dumps({"x": {"dtype": dtype, "shape": [2], "data_offsets": [0, size]}}).encode()
    with pytest.raises(MessageError, match=f"safetensors with dtype {dtype}, which numpy does not have"):
        decode(len(header).to_bytes(8, "little") + header + bytes(size))


def test_a_description_comes_back_as_it_was() -> None:
    metadata = ModelMetadata("m", "onnx_onnxv1", (TensorSpec("x", "float32", ("batch", 3)),), (), ("1.0",))
    described = decode_description(encode_description("m", encode_customized(metadata, {"onnxruntime": "1"})))
    assert described.ready
    assert decode_customized("m", described.customized) == (metadata, {"onnxruntime": "1"})


@pytest.mark.parametrize("text", [b"", b"hello", b"[]", b"{}", b'{"inputs": 3}', b'{"parameters": 3}'])
def test_of_another_handler_nothing_is_told(text: bytes) -> None:
    assert decode_customized("m", text) == (ModelMetadata("m", "", (), ()), {})


@pytest.mark.parametrize(
    ("states", "ready"),
    [
        (["READY", "READY"], True),
        (["READY", "LOADING"], False),
        (["READY", "UNLOADING"], False),
        (["READY"], False),
        (["UNHEALTHY", "READY"], False),
        ([], False),
    ],
)
def test_a_model_is_ready_when_all_of_its_workers_are(states: list[str], ready: bool) -> None:
    text = orjson.dumps([{"minWorkers": 2, "workers": [{"status": state} for state in states]}])
    assert decode_description(text).ready is ready


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b"[1]", b'[{"workers": 3}]', b'[{"workers": [{}]}]', b"[{}, {}]"])
def test_a_description_that_is_none_is_refused_in_one_line(text: bytes) -> None:
    with pytest.raises(MessageError, match="not a model's description"):
        decode_description(text)


def test_a_request_over_rest_is_whole() -> None:
    target = parse_target("http://[::1]:8080", headers={"Authorization": "Bearer a"})
    raw = protocol_named("torchserve-rest").encode(target, "a model", {"x": IMAGE})
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode("ascii").split("\r\n")
    headers = dict(line.split(": ") for line in lines)
    assert first == "POST /predictions/a%20model HTTP/1.1"
    assert (headers["Host"], headers["authorization"]) == ("[::1]:8080", "Bearer a")
    assert int(headers["Content-Length"]) == len(body)
    np.testing.assert_array_equal(decode(body)["x"], IMAGE)


def test_a_request_over_grpc_is_a_message_with_one_input() -> None:
    raw = protocol_named("torchserve-grpc").encode(parse_target("grpc://127.0.0.1:7070"), "m", {"x": IMAGE})
    message = torchserve_pb2.PredictionsRequest.FromString(raw)
    assert (message.model_name, list(message.input)) == ("m", ["data"])
    np.testing.assert_array_equal(decode(message.input["data"])["x"], IMAGE)


def test_kept_answers_are_read_and_what_is_none_is_refused() -> None:
    answer = torchserve_pb2.PredictionResponse(prediction=encode({"x": IMAGE})).SerializeToString()
    np.testing.assert_array_equal(protocol_named("torchserve-grpc").decode(answer)["x"], IMAGE)
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(encode({'x': IMAGE}))}\r\n\r\n".encode()
    np.testing.assert_array_equal(protocol_named("torchserve-rest").decode(head + encode({"x": IMAGE}))["x"], IMAGE)
    for protocol, wrong in (("torchserve-grpc", b"\xff"), ("torchserve-rest", head[:9])):
        with pytest.raises(TailbedError):
            protocol_named(protocol).decode(wrong)


def test_the_generated_messages_are_those_of_the_proto(tmp_path: Path) -> None:
    if find_spec("grpc_tools") is None:
        pytest.skip("grpcio-tools is not installed")
    proto = Path("servers/protocols/torchserve_grpc/torchserve.proto")
    root = Path(__file__).parents[3]
    # In a process of its own: it has a copy of protobuf that other libraries' copies crash.
    subprocess.run(
        [sys.executable, "-m", "grpc_tools.protoc", f"-I{root}", f"--python_out={tmp_path}", str(root / proto)],
        check=True,
    )
    made = (tmp_path / proto.with_name("torchserve_pb2.py")).read_text()
    assert made == (root / proto.with_name("torchserve_pb2.py")).read_text()


def test_the_environment_has_what_torchserve_does_not_say_that_it_needs() -> None:
    # Without PyYAML each worker dies as it starts, and TorchServe says that it is healthy.
    needed = {line.partition(";")[0].strip() for line in requires("tailbed") or () if "extra ==" not in line}
    assert any(line.lower().startswith("pyyaml") for line in needed)
    assert any(line.lower().startswith("psutil") for line in needed)


def _fake_java(folder: Path, said: str) -> str:
    program = folder / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho '{said}' >&2\n")
    program.chmod(0o755)
    return str(folder)


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ('openjdk version "17.0.15" 2025-04-15', None),
        ('openjdk version "11" 2018-09-25', None),
        (
            'java version "1.8.0_202"',
            "TorchServe needs Java 11, and .* is Java 8: install Java 11 or newer .*openjdk-17",
        ),
        ("no version", "TorchServe needs Java, and .* -version tells none: install"),
    ],
)
def test_java_is_named_where_it_is_too_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, line: str | None
) -> None:
    provide(ENVIRONMENT)
    monkeypatch.setenv("JAVA_HOME", _fake_java(tmp_path, said))
    if line is None:
        assert STACKS.get("torchserve-rest").missing() is None
    else:
        _matches(line, STACKS.get("torchserve-rest").missing())


def test_java_is_named_where_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    provide(ENVIRONMENT)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    _matches("TorchServe needs Java, and .*/bin/java cannot be run: install Java 11", environment.missing())


def test_what_is_not_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAILBED_HOME", str(tmp_path))
    assert environment.missing() == "TorchServe is not installed: tailbed install torchserve"


def _matches(pattern: str, text: str | None) -> None:
    with pytest.raises(ValueError, match=pattern):
        raise ValueError(text)


@pytest.mark.parametrize(
    ("settings", "host", "line"),
    [
        (Settings(device="cuda"), "127.0.0.1", "device is 'cuda'"),
        (Settings(max_batch=2, max_delay_us=1500), "127.0.0.1", "1500, but TorchServe waits for whole milliseconds"),
        (Settings(max_batch=3), "127.0.0.1", "joins 2 requests at most: choose a max_delay_us of 1000 or more"),
        (Settings(), "::1", "cannot bind ::1: TorchServe's addresses are names or IPv4"),
    ],
)
def test_what_it_cannot_do_is_refused(settings: Settings, host: str, line: str) -> None:
    with pytest.raises(ServerError, match=line):
        configuration.check(settings, host)


@pytest.mark.parametrize("settings", [Settings(), Settings(max_batch=2), Settings(max_batch=8, max_delay_us=5000)])
def test_what_it_can_do_is_not_refused(settings: Settings) -> None:
    configuration.check(settings, "127.0.0.1")


@pytest.mark.parametrize("cores", [1, 2, 8])
def test_the_tuned_settings_are_such(cores: int) -> None:
    tuned = STACKS.get("torchserve-grpc").tuned(cores)
    configuration.check(tuned, "127.0.0.1")
    assert (tuned.tuned, tuned.threads, tuned.instances) == (True, 1, max(1, cores // 2))


def test_the_settings_are_the_archives_configuration() -> None:
    found = yaml.safe_load(model_config(Settings(instances=3, threads=2, max_batch=8, max_delay_us=5000)))
    assert found == {
        "minWorkers": 3,
        "maxWorkers": 3,
        "batchSize": 8,
        "maxBatchDelay": 5,
        "handler": {"threads": 2, "device": "cpu", "max_batch": 8},
    }


def test_every_address_is_named_and_paths_are_as_java_reads_them() -> None:
    ports = {"http": 1, "metrics": 2, "grpc": 3, "grpc-management": 4}
    text = configuration.properties(
        host="127.0.0.1", ports=ports, archive=Path("/a\\b/é/store/m.mar"), metrics=Path("/\U0001d54f/metrics.yaml")
    )
    found = dict(line.split("=", 1) for line in text.splitlines())
    assert text.isascii()
    assert found["inference_address"] == found["management_address"] == "http://127.0.0.1:1"
    assert found["metrics_address"] == "http://127.0.0.1:2"
    assert (found["grpc_inference_address"], found["grpc_management_address"]) == ("127.0.0.1", "127.0.0.1")
    assert (found["grpc_inference_port"], found["grpc_management_port"]) == ("3", "4")
    assert found["disable_token_authorization"] == "true"
    assert (found["model_store"], found["load_models"]) == (r"/a\\b/\u00e9/store", "m.mar")
    assert found["metrics_config"] == r"/\ud835\udd4f/metrics.yaml"


def test_its_latencies_become_histograms_and_the_other_metrics_stay() -> None:
    latency = "ts_inference_latency_microseconds"
    queue = "ts_queue_latency_microseconds"
    given_ = {
        "ts_metrics": {
            "counter": [{"name": "Requests2XX"}, {"name": latency}, {"name": queue}],
            "gauge": [{"name": "A"}],
        },
        "model_metrics": {"gauge": [{"name": "B"}]},
    }
    assert yaml.safe_load(configuration.metrics(yaml.safe_dump(given_))) == {
        "ts_metrics": {
            "counter": [{"name": "Requests2XX"}],
            "gauge": [{"name": "A"}],
            "histogram": [{"name": latency}, {"name": queue}],
        },
        "model_metrics": {"gauge": [{"name": "B"}]},
    }


def test_what_is_left_of_its_inference_latency_is_the_workers() -> None:
    text = "".join(
        f'ts_{name}_latency_microseconds_{kind}{{model_name="m",model_version="default",hostname="h"}} {value}\n'
        for name, kind, value in (
            ("inference", "count", 4),
            ("inference", "sum", 5e6),
            ("queue", "count", 4),
            ("queue", "sum", 2e6),
        )
    )
    assert times_in(Metrics.parse(text), "m") == ServerTimes(4, 2.0, 3.0)
    assert times_in(Metrics.parse(text), "other") is None


def test_an_archive_holds_the_artifact_its_configuration_and_our_handler(digits: Exported, tmp_path: Path) -> None:
    provide(ENVIRONMENT)
    artifact = digits["onnx"]
    # A name that the archiver would take for a list and a pattern.
    folder = tmp_path / "a,b*[c]"
    folder.mkdir()
    for path in artifact.folder.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    store = tmp_path / "store"
    for _ in range(2):  # in place of one that is there
        made = make_archive(Artifact.read(folder), "minWorkers: 1\n", store)
    with zipfile.ZipFile(made) as archive:
        names = set(archive.namelist())
        manifest = json.loads(archive.read("MAR-INF/MANIFEST.json"))
        assert archive.read("model-config.yaml") == b"minWorkers: 1\n"
        assert archive.read(artifact.manifest.file) == artifact.path.read_bytes()
    assert names == {
        "MAR-INF/MANIFEST.json",
        "handler.py",
        "model-config.yaml",
        "manifest.json",
        artifact.manifest.file,
    }
    assert (manifest["model"]["modelName"], manifest["model"]["handler"]) == ("digits", "handler.py")
    assert [path.name for path in tmp_path.iterdir() if path not in (folder, store)] == []


def test_a_name_that_torchserve_does_not_take_is_refused_in_one_line(digits: Exported, tmp_path: Path) -> None:
    provide(ENVIRONMENT)
    artifact = digits["onnx"]
    named = Artifact(artifact.folder, artifact.manifest.model_copy(update={"model": "two words"}))
    with pytest.raises(ServerError, match="torch-model-archiver failed: The allowed regular expression") as refused:
        make_archive(named, "", tmp_path / "store")
    assert "\n" not in str(refused.value)


def test_strings_and_other_formats_are_refused(digits: Exported, tmp_path: Path) -> None:
    artifact = digits["onnx"]
    stack = STACKS.get("torchserve-rest")
    strings = artifact.manifest.model_copy(update={"inputs": (TensorSpec("text", "object", ("batch",)),)})
    other = artifact.manifest.model_copy(update={"format": "tflite"})
    for manifest, line in ((strings, "'text' is object, which safetensors cannot hold"), (other, "not tflite")):
        deployment = Deployment(Artifact(artifact.folder, manifest), "torchserve-rest")
        with pytest.raises(ServerError, match=line):
            stack.launch(deployment, host="127.0.0.1", ports={}, folder=tmp_path)
    assert not list(tmp_path.iterdir())
