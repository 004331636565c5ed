"""How TensorFlow Serving would be started: its command line and its files.

Its program cannot be had here, so it is never run. What the files hold is read by TensorFlow, LiteRT and the official
messages instead.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from exporters import Artifact
from exporters.checker import Compute
from models import check_tensors
from servers import STACKS, Deployment, Launch, ServerError, Settings, start
from servers.runtimes import runtime_for
from tests.conftest import Exported
from tests.tfserving_stubs import official

PORTS = {"http": 8501, "grpc": 8500}


@pytest.fixture(autouse=True)
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program by the name that is looked for, which nothing runs."""
    path = tmp_path / "bin" / "tensorflow_model_server"
    path.parent.mkdir()
    path.write_text("#!/bin/false\n")
    path.chmod(0o755)
    monkeypatch.delenv("TAILBED_TFSERVING", raising=False)
    monkeypatch.delenv("TAILBED_TFSERVING_EXPOSE", raising=False)
    monkeypatch.setenv("PATH", f"{path.parent}:{os.environ['PATH']}")
    return path


def launch(
    artifact: Artifact, folder: Path, *, stack: str = "tfserving-rest", host: str = "0.0.0.0", **settings: object
) -> Launch:
    folder.mkdir(exist_ok=True)
    deployment = Deployment(artifact, stack, Settings(**settings))
    return STACKS.get(stack).launch(deployment, host=host, ports=PORTS, folder=folder)


def options(launched: Launch) -> Mapping[str, str]:
    return dict(part.removeprefix("--").split("=", 1) for part in launched.argv[1:])


def test_it_is_started_with_its_own_options(digits: Exported, tmp_path: Path, program: Path):
    folder = tmp_path / "server"
    launched = launch(digits["savedmodel"], folder, threads=2)
    assert launched.argv[0] == str(program)
    assert options(launched) == {
        "port": "8500",
        "rest_api_port": "8501",
        "model_name": "digits",
        "model_base_path": str(folder / "models" / "digits"),
        "monitoring_config_file": str(folder / "monitoring.txt"),
        "enable_model_warmup": "true",
        "max_num_load_retries": "0",
        "tensorflow_intra_op_parallelism": "2",
        "tensorflow_inter_op_parallelism": "1",
    }
    assert (folder / "monitoring.txt").read_text() == launched.configuration["monitoring.txt"]
    assert "--rest_api_port=8501" in launched.configuration["command_line.txt"]
    assert launched.env["CUDA_VISIBLE_DEVICES"] == "-1"


@pytest.mark.parametrize(
    ("stack", "url"), [("tfserving-rest", "http://127.0.0.1:8501"), ("tfserving-grpc", "grpc://127.0.0.1:8500")]
)
def test_each_protocol_is_answered_at_its_own_port(digits: Exported, tmp_path: Path, stack: str, url: str):
    found = launch(digits["savedmodel"], tmp_path / "server", stack=stack).endpoints.answers
    assert (found.protocol, found.url, found.model) == (stack, url, "digits")
    assert found.metrics_url == "http://127.0.0.1:8501/monitoring/prometheus/metrics"
    assert STACKS.get(stack).stands_in_for is None


def test_batching_has_its_parameters_only_where_it_is_on(digits: Exported, tmp_path: Path):
    launched = launch(digits["savedmodel"], tmp_path / "server", instances=3, max_batch=8, max_delay_us=500)
    assert options(launched)["enable_batching"] == "true"
    assert options(launched)["tensorflow_inter_op_parallelism"] == "3"
    path = Path(options(launched)["batching_parameters_file"])
    assert path.read_text() == (
        "max_batch_size { value: 8 }\n"
        "batch_timeout_micros { value: 500 }\n"
        "max_enqueued_batches { value: 1000000 }\n"
        "num_batch_threads { value: 3 }\n"
    )


@pytest.mark.parametrize("name", ["savedmodel", "savedmodel-jax"])
def test_the_versions_folder_is_the_artifacts_own_savedmodel(digits: Exported, tmp_path: Path, name: str):
    artifact = digits[name]
    launched = launch(artifact, tmp_path / "server", max_batch=3)
    version = Path(options(launched)["model_base_path"]) / "1"
    assert (version / "saved_model.pb").is_symlink()
    pool = artifact.answers()
    runtime = runtime_for("savedmodel").load(replace(artifact.model_file, path=version), Compute("cpu", 1))
    got = runtime.run({"image": pool.inputs["image"][:3]})["scores"]
    np.testing.assert_allclose(got, pool.outputs["scores"][:3], atol=artifact.manifest.answer_tolerance["scores"])


def test_warm_up_requests_are_of_every_batch_size_that_may_come(digits: Exported, tmp_path: Path):
    from models.frameworks.tensorflow import tensorflow

    launched = launch(digits["savedmodel"], tmp_path / "server", max_batch=3)
    path = Path(options(launched)["model_base_path"]) / "1" / "assets.extra" / "tf_serving_warmup_requests"
    assert json.loads(official("warmup", path)) == [["digits", "image", [size, 1, 8, 8], [0.0]] for size in (1, 2, 3)]
    records = tensorflow().data.TFRecordDataset(str(path))
    assert len(list(records)) == 3, "TensorFlow checks the checksums"


def test_a_tflite_file_says_its_names_where_it_is_asked_for_them(digits: Exported, tmp_path: Path):
    from ai_edge_litert import schema_py_generated as schema
    from flatbuffers import flexbuffers

    artifact = digits["tflite"]
    launched = launch(artifact, tmp_path / "server", instances=2)
    assert options(launched)["prefer_tflite_model"] == "true"
    assert options(launched)["num_tflite_pools"] == "2"
    path = Path(options(launched)["model_base_path"]) / "1" / "model.tflite"
    pool = artifact.answers()
    model = runtime_for("tflite").load(replace(artifact.model_file, path=path), Compute("cpu", 1))
    got = model.run({"image": pool.inputs["image"][:3]})
    check_tensors(artifact.manifest.outputs, got)
    np.testing.assert_allclose(got["scores"], pool.outputs["scores"][:3], atol=1e-6)

    written = schema.ModelT.InitFromPackedBuf(bytearray(path.read_bytes()), 0)
    (entry,) = [entry for entry in written.metadata if entry.name == b"signature_defs_metadata"]
    root = flexbuffers.GetRoot(bytes(written.buffers[entry.buffer].data))
    serialized = tmp_path / "signature"
    serialized.write_bytes(root.AsMap["serving_default"].AsStringBytes)
    found = json.loads(official("signature", serialized))
    assert found["method"] == "tensorflow/serving/predict"
    graph = written.subgraphs[0]
    inputs = {graph.tensors[index].name.decode() for index in graph.inputs}
    outputs = {graph.tensors[index].name.decode() for index in graph.outputs}
    assert found["inputs"]["image"][:2] == ["DT_FLOAT", [-1, 1, 8, 8]]
    assert found["outputs"]["scores"][:2] == ["DT_FLOAT", [-1, 10]]
    assert {found["inputs"]["image"][2]} == inputs
    assert {found["outputs"]["scores"][2]} == outputs


REFUSED = {
    "a gpu": ("savedmodel", {"device": "cuda"}, "computes on cpu"),
    "threads of an interpreter": ("tflite", {"threads": 2}, "one thread an interpreter"),
    "threads of each instance": ("savedmodel", {"threads": 2, "instances": 2}, "one session"),
    "a delay without batches": ("savedmodel", {"max_delay_us": 10}, "nothing is waited for"),
    "batches of a fixed size": ("tflite-jax", {"max_batch": 4}, "computes batches of 1 only"),
    "another format": ("onnx", {}, "serves savedmodel and tflite"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_it_cannot_do_is_refused_in_one_line(digits: Exported, tmp_path: Path, case: str):
    name, settings, told = REFUSED[case]
    with pytest.raises(ServerError) as caught:
        launch(digits[name], tmp_path / "server", **settings)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_another_signature_is_refused(digits: Exported, tmp_path: Path):
    artifact = digits["savedmodel"]
    manifest = artifact.manifest.model_copy(update={"settings": {"signature": "predict"}})
    with pytest.raises(ServerError, match="its signature is 'predict'"):
        launch(replace(artifact, manifest=manifest), tmp_path / "server")


def test_it_binds_every_address_only_where_that_is_asked_for(
    digits: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    artifact = digits["savedmodel"]
    with pytest.raises(ServerError, match=r"listens on every address .* set TAILBED_TFSERVING_EXPOSE=1"):
        start(Deployment(artifact, "tfserving-grpc"), folder=tmp_path / "server")
    monkeypatch.setenv("TAILBED_TFSERVING_EXPOSE", "1")
    assert launch(artifact, tmp_path / "server", host="127.0.0.1").endpoints.answers.url == "http://127.0.0.1:8501"


def test_where_its_program_is_not_there_one_line_says_how_to_get_it(
    digits: Exported, tmp_path: Path, program: Path, monkeypatch: pytest.MonkeyPatch
):
    stack = STACKS.get("tfserving-rest")
    monkeypatch.setenv("PATH", "/nowhere")
    assert "not on PATH" in str(stack.missing())
    with pytest.raises(ServerError, match="tensorflow/serving"):
        start(Deployment(digits["savedmodel"], stack.name), folder=tmp_path / "server", host="0.0.0.0")
    monkeypatch.setenv("TAILBED_TFSERVING", str(tmp_path / "none"))
    assert f"TAILBED_TFSERVING is {tmp_path / 'none'}, which is no program" in str(stack.missing())
    monkeypatch.setenv("TAILBED_TFSERVING", str(program))
    monkeypatch.setenv("TAILBED_TFSERVING_EXPOSE", "1")
    assert stack.missing() is None


def test_tuned_is_as_its_batching_guide_advises(digits: Exported, tmp_path: Path):
    settings = STACKS.get("tfserving-rest").tuned(4)
    assert (settings.instances, settings.threads, settings.max_delay_us, settings.tuned) == (4, 1, 0, True)
    launched = launch(digits["savedmodel"], tmp_path / "server", **vars(settings))
    assert "num_batch_threads { value: 4 }" in launched.configuration["batching_parameters.txt"]
