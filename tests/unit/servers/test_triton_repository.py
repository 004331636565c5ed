"""What Triton is told of an artifact, and which of its backends is chosen. No native backend can be had in these tests:
of them only the choice and the files are tested, with folders made up."""

import os
from pathlib import Path

import numpy as np
import pytest
from google.protobuf import text_format
from hypothesis import given
from hypothesis import strategies as st
from tritonclient.grpc.model_config_pb2 import ModelConfig  # type: ignore[attr-defined]

from exporters import Artifact, Manifest
from models import TensorSpec
from servers import STACKS, Deployment, ServerError, Settings
from servers.metrics import Metrics
from servers.oip.datatypes import BYTES, DATATYPES, from_numpy, to_numpy
from servers.times import ServerTimes
from servers.triton.installation import VARIABLE, Installation
from servers.triton.native import NativeBackend, native_backend
from servers.triton.repository import configuration, write_repository
from servers.triton.times import times_in

DTYPES = [str(to_numpy(datatype)) for datatype in DATATYPES if datatype != BYTES]
X = TensorSpec("x", "float32", ("batch", 3, "length"))
Y = TensorSpec("y", "int64", ("batch", 2))


def _artifact(
    folder: Path = Path("a"),
    *,
    format: str = "onnx",
    inputs: tuple[TensorSpec, ...] = (X,),
    outputs: tuple[TensorSpec, ...] = (Y,),
    batch_sizes: tuple[int, ...] | None = None,
    file: str = "model.bin",
) -> Artifact:
    manifest = Manifest.model_construct(
        model="m",
        export=format,
        format=format,
        precision="fp32",
        inputs=inputs,
        outputs=outputs,
        sha256="0" * 64,
        batch_sizes=batch_sizes,
        file=file,
    )
    return Artifact(folder, manifest)


def _config(settings: Settings, artifact: Artifact | None = None, native: NativeBackend | None = None) -> ModelConfig:
    deployment = Deployment(artifact or _artifact(), "triton-http", settings)
    return text_format.Parse(configuration(deployment, native, {"runtime": "r"}), ModelConfig())


def _installation(folder: Path, *backends: str) -> Installation:
    server = folder / "bin" / "tritonserver"
    server.parent.mkdir(parents=True)
    server.write_text("#!/bin/sh\n")
    server.chmod(0o755)
    for backend in backends:
        (folder / "backends" / backend).mkdir(parents=True)
    return Installation(server, folder / "backends")


def test_without_batching_shapes_are_whole_so_that_any_batch_passes() -> None:
    config = _config(Settings(instances=2, threads=3))
    assert (config.name, config.backend, config.platform, config.max_batch_size) == ("m", "python", "", 0)
    assert [list(tensor.dims) for tensor in (*config.input, *config.output)] == [[-1, 3, -1], [-1, 2]]
    assert [(group.count, group.KIND_CPU) for group in config.instance_group] == [(2, config.instance_group[0].kind)]
    assert not config.HasField("dynamic_batching")


def test_with_batching_the_axis_of_the_batch_is_left_out_and_no_queue_policy_is_set() -> None:
    config = _config(Settings(max_batch=8, max_delay_us=250))
    assert config.max_batch_size == 8
    assert [list(tensor.dims) for tensor in (*config.input, *config.output)] == [[3, -1], [2]]
    assert config.dynamic_batching.max_queue_delay_microseconds == 250
    assert not config.dynamic_batching.HasField("default_queue_policy")
    # Without a delay it still is what batches.
    assert _config(Settings(max_batch=8)).HasField("dynamic_batching")


def test_on_a_gpu_the_instances_are_on_the_first_one_only() -> None:
    (group,) = _config(Settings(instances=2, device="cuda")).instance_group
    assert (group.kind, group.count, list(group.gpus)) == (group.KIND_GPU, 2, [0])


def test_its_parameters_tell_what_is_served_and_by_what() -> None:
    told = {name: value.string_value for name, value in _config(Settings(threads=3)).parameters.items()}
    assert told == {
        "artifact": "m/onnx/fp32",
        "sha256": "0" * 64,
        "format": "onnx",
        "precision": "fp32",
        "backend": "python",
        "runtime": "r",
        "device": "cpu",
        "threads": "3",
        "folder": str(Path("a").resolve()),
        "max_batch": "1",
    }


@given(
    st.lists(
        st.builds(
            TensorSpec,
            st.text(min_size=1),
            st.sampled_from(DTYPES),
            st.lists(st.integers(1, 2**31) | st.just("any"), max_size=4).map(lambda rest: ("batch", *rest)),
        ),
        min_size=1,
        max_size=4,
    ),
    st.sampled_from([1, 4]),
)
def test_every_tensor_is_told_as_it_is(specs: list[TensorSpec], max_batch: int) -> None:
    artifact = _artifact(inputs=tuple(specs), outputs=tuple(specs))
    if max_batch > 1 and any(len(spec.shape) == 1 for spec in specs):
        with pytest.raises(ServerError, match="has no axis but that of the batch"):
            _config(Settings(max_batch=max_batch), artifact)
        return
    config = _config(Settings(max_batch=max_batch), artifact)
    for tensors in (config.input, config.output):
        assert [tensor.name for tensor in tensors] == [spec.name for spec in specs]
        for tensor, spec in zip(tensors, specs, strict=True):
            shape = [-1 if isinstance(size, str) else size for size in spec.shape]
            assert list(tensor.dims) == shape[int(max_batch > 1) :]
            assert tensor.data_type == getattr(
                __import__("tritonclient.grpc.model_config_pb2", fromlist=["DataType"]),
                f"TYPE_{from_numpy(np.dtype(spec.dtype))}",
            )


@pytest.mark.parametrize(
    ("spec", "line"),
    [
        (TensorSpec("s", "object", ("batch", 1)), "tensor 's' holds strings"),
        (TensorSpec("s", "float32", ()), "tensor 's' has no axis, and Triton needs one"),
    ],
)
def test_what_triton_cannot_take_is_one_line(spec: TensorSpec, line: str) -> None:
    with pytest.raises(ServerError, match=f"^m/onnx/fp32 cannot be served by Triton: {line}"):
        _config(Settings(), _artifact(inputs=(X, spec)))


NATIVE = {
    "onnx": ("onnxruntime", "onnxruntime_onnx", "model.onnx", {"intra_op_thread_count": "3"}),
    "torchscript": ("pytorch", "pytorch_libtorch", "model.pt", {"INTRA_OP_THREAD_COUNT": "3"}),
    "savedmodel": ("tensorflow", "tensorflow_savedmodel", "model.savedmodel", {"TF_NUM_INTRA_THREADS": "3"}),
    "tensorrt": ("tensorrt", "tensorrt_plan", "model.plan", {}),
}


@pytest.mark.parametrize("format", NATIVE)
def test_a_format_goes_to_its_own_backend_where_there_is_one(tmp_path: Path, format: str) -> None:
    name, platform, file, parameters = NATIVE[format]
    (tmp_path / "artifact").mkdir()
    (tmp_path / "artifact" / "model.bin").write_text("weights")
    artifact = _artifact(tmp_path / "artifact", format=format)
    assert native_backend(artifact.manifest, _installation(tmp_path / "without", "python")) is None
    native = native_backend(artifact.manifest, _installation(tmp_path / "with", "python", name))
    assert native is not None
    config = _config(Settings(threads=3), artifact, native)
    assert (config.backend, config.platform) == (name, platform)
    told = {key: value.string_value for key, value in config.parameters.items()}
    assert told["backend"] == name
    assert parameters.items() <= told.items()
    assert "folder" not in told
    repository = tmp_path / "repository"
    write_repository(repository, artifact, "config", native)
    assert (repository / "m" / "config.pbtxt").read_text() == "config"
    assert [path.name for path in (repository / "m" / "1").iterdir()] == [file]
    assert (repository / "m" / "1" / file).read_text() == "weights"


def test_openvinos_backend_gets_the_files_of_the_folder(tmp_path: Path) -> None:
    model = tmp_path / "artifact" / "model"
    model.mkdir(parents=True)
    for name in ("model.xml", "model.bin"):
        (model / name).write_text(name)
    artifact = _artifact(tmp_path / "artifact", format="openvino", file="model")
    native = native_backend(artifact.manifest, _installation(tmp_path / "triton", "openvino"))
    write_repository(tmp_path / "repository", artifact, "config", native)
    version = tmp_path / "repository" / "m" / "1"
    assert {path.name: path.read_text() for path in version.iterdir()} == {n: n for n in ("model.xml", "model.bin")}


def test_a_file_of_certain_batch_sizes_is_left_to_python(tmp_path: Path) -> None:
    artifact = _artifact(batch_sizes=(1, 8))
    assert native_backend(artifact.manifest, _installation(tmp_path, "onnxruntime")) is None


def test_a_repository_is_written_anew(tmp_path: Path) -> None:
    artifact = _artifact(tmp_path)
    for config in ("one", "another"):
        write_repository(tmp_path / "repository", artifact, config, None)
        assert (tmp_path / "repository" / "m" / "config.pbtxt").read_text() == config
    assert "servers.triton.model" in (tmp_path / "repository" / "m" / "1" / "model.py").read_text()


def test_a_tritonserver_that_the_user_names_is_used_with_its_backends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation = _installation(tmp_path / "opt", "python", "onnxruntime")
    (tmp_path / "model.bin").write_text("weights")
    monkeypatch.setenv(VARIABLE, str(installation.server))
    stack = STACKS.get("triton-grpc")
    assert stack.missing() is None
    assert stack.serves("onnx") == "onnxruntime backend"
    assert stack.serves("jax-export") == "jax-export in the Python backend"
    assert stack.serves("papyrus") is None
    ports = {"grpc": 1, "http": 2, "metrics": 3}
    launch = stack.launch(
        Deployment(_artifact(tmp_path), "triton-grpc"), host="127.0.0.1", ports=ports, folder=tmp_path / "server"
    )
    assert launch.argv[0] == str(installation.server)
    assert f"--backend-directory={installation.backends}" in launch.argv
    assert {f"--{use}-address=127.0.0.1" for use in ports} <= set(launch.argv)
    assert 'backend: "onnxruntime"' in launch.configuration["config.pbtxt"]
    # Its Python backend is a program for one version of Python, and an empty folder has it for none.
    with pytest.raises(ServerError, match=r"the Python backend of .* is not for Python 3"):
        stack.launch(
            Deployment(_artifact(tmp_path, format="tflite"), "triton-grpc"),
            host="127.0.0.1",
            ports=ports,
            folder=tmp_path / "server",
        )


def test_what_lacks_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stack = STACKS.get("triton-http")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "nothing"))
    assert stack.missing() == f"{VARIABLE} is '{tmp_path / 'nothing'}': expected the path of a tritonserver"
    monkeypatch.delenv(VARIABLE)
    monkeypatch.setenv("TAILBED_HOME", str(tmp_path))
    assert stack.missing() == "the server triton needs its own environment: tailbed install triton"
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    assert stack.missing() == (
        f"NVIDIA's wheel of Triton is for Linux on x86-64: {VARIABLE} may name another tritonserver"
    )


def test_an_address_of_ipv6_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(_installation(tmp_path / "opt").server))
    with pytest.raises(ServerError, match="triton-http cannot be bound to ::1"):
        STACKS.get("triton-http").launch(
            Deployment(_artifact(), "triton-http"), host="::1", ports={}, folder=tmp_path / "server"
        )


def test_tuned_is_as_its_documentation_advises_and_shares_the_cores() -> None:
    stack = STACKS.get("triton-http")
    assert stack.tuned(8) == Settings(instances=2, threads=4, max_batch=8, max_delay_us=0, tuned=True)
    assert stack.tuned(1) == Settings(instances=1, threads=1, max_batch=8, max_delay_us=0, tuned=True)


METRICS = """
# TYPE nv_inference_request_success counter
nv_inference_request_success{model="m",version="1"} 3
# TYPE nv_inference_queue_duration_us counter
nv_inference_queue_duration_us{model="m",version="1"} 150
# TYPE nv_inference_compute_input_duration_us counter
nv_inference_compute_input_duration_us{model="m",version="1"} 1000
# TYPE nv_inference_compute_infer_duration_us counter
nv_inference_compute_infer_duration_us{model="m",version="1"} 20000
# TYPE nv_inference_compute_output_duration_us counter
nv_inference_compute_output_duration_us{model="m",version="1"} 300000
"""


def test_times_are_the_sums_of_its_counters() -> None:
    assert times_in(Metrics.parse(METRICS), "m") == ServerTimes(3, 0.00015, pytest.approx(0.321))
    assert times_in(Metrics.parse(METRICS), "another") is None
    assert times_in(Metrics.parse(METRICS.replace("compute_infer", "other")), "m") is None


def test_programs_run_in_this_environment(tmp_path: Path) -> None:
    variables = _installation(tmp_path / "opt").variables(tmp_path / "libraries")
    first = Path(variables["PATH"].split(os.pathsep)[0])
    assert (first / "python3").exists()
    assert variables.get("LD_LIBRARY_PATH", str(tmp_path / "libraries")).startswith(str(tmp_path / "libraries"))
