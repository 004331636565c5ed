"""What servers in containers are given, read back as their servers read it."""

import shlex
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from exporters.artifact import Artifact, Determinism, Manifest
from models import MissingPackage, TensorSpec
from servers import STACKS, Deployment, ServerError, Settings
from servers.containers import CONTAINERS, Prepared
from servers.containers.scripts import READY, START

IMAGE = TensorSpec("image", "float32", ("batch", 1, 8, 8))
SCORES = TensorSpec("scores", "float32", ("batch", 10))
FILES = {"onnx": "model.onnx", "torchscript": "model.pt", "savedmodel": "model", "tflite": "model.tflite"}
FORMATS = {"fastapi": "onnx", "grpc": "onnx", "triton": "onnx", "torchserve": "torchscript", "tfserving": "savedmodel"}
PLAIN = Settings()


def artifact(folder: Path, format: str, **other: Any) -> Artifact:
    folder.mkdir()
    path = folder / FILES[format]
    if format == "savedmodel":
        path.mkdir()
        (path / "saved_model.pb").write_bytes(b"graph")
    else:
        path.write_bytes(b"model")
    values: dict[str, Any] = {
        "model": "digits",
        "export": format,
        "format": format,
        "precision": "fp32",
        "file": path.name,
        "inputs": (IMAGE,),
        "outputs": (SCORES,),
        "batch_sizes": None,
        "framework": "pytorch",
        "settings": {},
        "versions": {},
        "weights_sha256": "",
        "weights_origin": "",
        "runtime": format,
        "sha256": "5a96",
        "size_bytes": 5,
        "export_seconds": None,
        "tolerance": 0.0,
        "parity": None,
        "accuracy": None,
        "determinism": Determinism(repeat_max_abs_diff=0, batch_max_abs_diff=0, by_output={"scores": 0.0}),
        "answer_tolerance": {"scores": 1e-4},
        "behaviours": (),
        "fingerprint": "",
        "created": "",
    }
    return Artifact(folder, Manifest(**values | other))


def prepare(kind: str, of: Artifact, folder: Path, settings: Settings = PLAIN) -> Prepared:
    container = CONTAINERS.get(kind)
    folder.mkdir(exist_ok=True)
    return container.prepare(Deployment(of, container.stacks[0], settings), folder)


def start(folder: Path) -> tuple[dict[str, str], list[str]]:
    """The variables and the words of the command line that ``folder/start`` has."""
    *exports, command = (folder / START).read_text().splitlines()
    told = dict(shlex.split(line.removeprefix("export "))[0].split("=", 1) for line in exports)
    return told, shlex.split(command.removeprefix("exec "))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "service"


def test_there_is_one_for_every_stack_but_stand_ins() -> None:
    answered = {stack for name in CONTAINERS.names() for stack in CONTAINERS.get(name).stacks}
    assert answered == set(STACKS.expand("all"))


@pytest.mark.parametrize("kind", FORMATS)
def test_its_ports_are_those_that_its_stacks_need(kind: str) -> None:
    container = CONTAINERS.get(kind)
    for stack in container.stacks:
        assert set(STACKS.get(stack).ports) == set(container.ports)
    assert len(set(container.ports.values())) == len(container.ports)


@pytest.mark.parametrize("kind", ["fastapi", "grpc"])
def test_ours_have_the_command_line_and_the_variables_of_local_ones(kind: str, tmp_path: Path, folder: Path) -> None:
    made = artifact(tmp_path / "artifact", "onnx")
    settings = Settings(instances=2, threads=3, max_batch=4, max_delay_us=500)
    prepared = prepare(kind, made, folder, settings)
    ports = CONTAINERS.get(kind).ports
    local = STACKS.get(kind).launch(Deployment(made, kind, settings), host="0.0.0.0", ports=ports, folder=folder)
    assert start(folder) == (dict(local.env), ["python", *local.argv[1:]])
    assert start(folder)[0]["OMP_NUM_THREADS"] == "3"
    assert prepared.runtime == "onnxruntime"
    assert prepared.configuration == {START: (folder / START).read_text()}
    assert (folder / READY).exists()


def _config(folder: Path) -> Any:
    text = (folder / "repository" / "digits" / "config.pbtxt").read_text()
    return text_format.Parse(text, model_config_pb2.ModelConfig())


@pytest.mark.parametrize(
    ("device", "kind", "gpus"),
    [
        ("cpu", model_config_pb2.ModelInstanceGroup.KIND_CPU, []),
        ("cuda", model_config_pb2.ModelInstanceGroup.KIND_GPU, [0]),
    ],
)
def test_triton_computes_with_its_own_backends(
    tmp_path: Path, folder: Path, device: str, kind: int, gpus: list[int]
) -> None:
    made = artifact(tmp_path / "artifact", "onnx")
    settings = Settings(instances=2, threads=3, device=device, max_batch=4, max_delay_us=500)
    prepared = prepare("triton", made, folder, settings)
    config = _config(folder)
    assert (config.backend, config.max_batch_size, prepared.runtime) == ("onnxruntime", 4, "onnxruntime backend")
    [group] = config.instance_group
    assert (group.kind, group.count, list(group.gpus)) == (kind, 2, gpus)
    assert config.parameters["intra_op_thread_count"].string_value == "3"
    assert (folder / "repository" / "digits" / "1" / "model.onnx").resolve() == made.path
    told, argv = start(folder)
    assert argv[0] == "/opt/tritonserver/bin/tritonserver"
    assert f"--model-repository={folder / 'repository'}" in argv
    assert {"--http-address=0.0.0.0", "--grpc-port=8001", "--metrics-port=8002"} <= set(argv)
    assert told["OMP_NUM_THREADS"] == "3"


def test_triton_computes_in_its_python_backend_where_that_is_asked_for(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAILBED_TRITON_BACKENDS", "python")
    made = artifact(tmp_path / "artifact", "tflite")
    prepared = prepare("triton", made, folder)
    config = _config(folder)
    assert (config.backend, prepared.runtime) == ("python", "litert in the Python backend")
    assert config.parameters["folder"].string_value == str(made.folder)
    assert (folder / "repository" / "digits" / "1" / "model.py").exists()


def test_tensorflow_serving_is_told_its_options_and_files(tmp_path: Path, folder: Path) -> None:
    made = artifact(tmp_path / "artifact", "savedmodel")
    prepared = prepare("tfserving", made, folder, Settings(max_batch=4, max_delay_us=500))
    told, argv = start(folder)
    assert told == {"CUDA_VISIBLE_DEVICES": "-1"}
    assert argv[0] == "tensorflow_model_server"
    options = dict(word.removeprefix("--").split("=", 1) for word in argv[1:])
    assert (options["port"], options["rest_api_port"], options["enable_batching"]) == ("8500", "8501", "true")
    assert options["batching_parameters_file"] == str(folder / "batching_parameters.txt")
    assert "max_batch_size { value: 4 }" in (folder / "batching_parameters.txt").read_text()
    assert (Path(options["model_base_path"]) / "1" / "saved_model.pb").read_bytes() == b"graph"
    assert prepared.runtime == "tensorflow"
    assert set(prepared.configuration) == {"monitoring.txt", "batching_parameters.txt", START}


def test_on_a_gpu_tensorflow_serving_sees_it(tmp_path: Path, folder: Path) -> None:
    prepare("tfserving", artifact(tmp_path / "artifact", "savedmodel"), folder, Settings(device="cuda"))
    assert start(folder)[0] == {}


CUDA = Settings(device="cuda")
REFUSED = {
    "another runtime's device": ("fastapi", "tflite", CUDA, {}, "cannot be served on cuda: litert computes on cpu"),
    "nonsense": ("grpc", "onnx", Settings(threads=0), {}, "threads is 0"),
    "no native backend": ("triton", "tflite", Settings(), {}, "TAILBED_TRITON_BACKENDS=python"),
    "batches of certain sizes": ("triton", "onnx", Settings(), {"batch_sizes": (1, 4)}, "TAILBED_TRITON_BACKENDS"),
    "what cannot be joined": (
        "triton",
        "onnx",
        Settings(max_batch=2),
        {"inputs": (TensorSpec("x", "float32", (3,)),)},
        "no batch axis",
    ),
    "a format that the official image lacks": ("torchserve", "onnx", Settings(), {}, "loads torchscript, not onnx"),
    "batches that nothing puts together": (
        "torchserve",
        "torchscript",
        Settings(),
        {"batch_sizes": (1,)},
        "batches of 1",
    ),
    "a dtype": (
        "torchserve",
        "torchscript",
        Settings(),
        {"inputs": (TensorSpec("x", "uint64", ("batch",)),)},
        "uint64",
    ),
    "a delay": ("torchserve", "torchscript", Settings(max_batch=2, max_delay_us=500), {}, "whole milliseconds"),
    "another format": ("tfserving", "onnx", Settings(), {}, "it serves savedmodel and tflite"),
    "a file for the CPU": ("tfserving", "tflite", CUDA, {}, "cannot be served on cuda"),
}


@pytest.mark.parametrize(("kind", "format", "settings", "other", "line"), REFUSED.values(), ids=REFUSED)
def test_what_a_container_cannot_do_is_refused_in_one_line(
    tmp_path: Path, folder: Path, kind: str, format: str, settings: Settings, other: dict[str, Any], line: str
) -> None:
    made = artifact(tmp_path / "artifact", format, **other)
    with pytest.raises(ServerError, match=line) as refused:
        prepare(kind, made, folder, settings)
    assert "\n" not in str(refused.value)


def test_backends_that_there_are_not_are_refused(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAILBED_TRITON_BACKENDS", "both")
    with pytest.raises(ServerError, match="'both', expected native or python"):
        prepare("triton", artifact(tmp_path / "artifact", "onnx"), folder)


def test_without_the_archiver_torchserve_is_refused(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAILBED_ENVIRONMENTS", str(tmp_path / "none"))
    with pytest.raises(MissingPackage, match="tailbed install torchserve"):
        prepare("torchserve", artifact(tmp_path / "artifact", "torchscript"), folder)
