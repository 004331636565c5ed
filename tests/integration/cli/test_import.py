"""``tailbed import``: files that other libraries made, served, loaded and exported further; and what is refused."""

import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from exporters import Artifact, ArtifactStore, Given, ModelImportError, exporters_of
from loadtest.scenario import ClosedLoop
from models import MODELS, TailbedError, Tensors, TensorSpec
from servers import Deployment, connect, start
from tailbed.cli.import_model import import_model as command
from tailbed.experiment.endpoint import load_endpoint
from tailbed.experiment.exporting import export_artifact
from tailbed.experiment.importing import import_model

RANDOM = np.random.default_rng(0)
FEATURES = RANDOM.normal(size=(4, 3)).astype(np.float32)


@pytest.fixture
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of the test's own, since models keep their names."""
    monkeypatch.setenv("TAILBED_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of models by other libraries than this project's exporters."""
    folder = tmp_path_factory.mktemp("files")
    _by_hand(folder)
    _by_scikit_learn(folder)
    _by_pytorch(folder)
    _by_tensorflow(folder)
    _by_openvino(folder)
    return folder


def _by_hand(folder: Path) -> None:
    """ONNX of opset 9, as old exporters write it: the weights are among the inputs; with a named batch, one of 1, and
    none at all."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    def floats(name: str, *shape: Any) -> Any:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    weights = numpy_helper.from_array(FEATURES, "W")
    nodes = [helper.make_node("MatMul", ["x:0", "W"], ["m"]), helper.make_node("Softmax", ["m"], ["y:0"], axis=1)]
    for name, batch in (("old", "N"), ("one", 1)):
        graph = helper.make_graph(nodes, "g", [floats("x:0", batch, 4), floats("W", 4, 3)], [floats("y:0", batch, 3)])
        graph.initializer.append(weights)
        onnx.save(
            helper.make_model(graph, opset_imports=[helper.make_opsetid("", 9)], ir_version=4), folder / f"{name}.onnx"
        )
    onnx.save(
        onnx.load(folder / "old.onnx"),
        folder / "external.onnx",
        save_as_external_data=True,
        location="w",
        size_threshold=0,
    )
    nodes = [
        helper.make_node("ReduceSum", ["x"], ["r"], axes=[0], keepdims=0),
        helper.make_node("Mul", ["r", "s"], ["y"]),
    ]
    graph = helper.make_graph(nodes, "g", [floats("x", 5, 4), floats("s")], [floats("y", 4)])
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=6), folder / "whole.onnx"
    )


def _by_scikit_learn(folder: Path) -> None:
    from skl2onnx import to_onnx
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression

    inputs, labels = load_iris(return_X_y=True)
    inputs = inputs.astype(np.float32)
    model = LogisticRegression(max_iter=500).fit(inputs, labels)
    for name, options in (("iris", {"zipmap": False}), ("zipmap", None)):
        converted = to_onnx(model, inputs[:1], options=options, target_opset=12)
        (folder / f"{name}.onnx").write_bytes(converted.SerializeToString())
    np.savez(folder / "iris.npz", X=inputs)


def _by_pytorch(folder: Path) -> None:
    import torch

    class Embedding(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = torch.nn.Embedding(100, 8)

        def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return (self.table(ids) * mask[..., None]).sum(1), mask * 2

    example = (torch.zeros(2, 5, dtype=torch.long), torch.ones(2, 5))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"`torch\.jit\.\w+` is deprecated", category=DeprecationWarning)
        torch.jit.trace(Embedding().eval(), example).save(folder / "embedding.pt")
    axes = {0: torch.export.Dim("b"), 1: torch.export.Dim("t")}
    torch.export.save(
        torch.export.export(Embedding().eval(), example, dynamic_shapes=(axes, axes)), folder / "embedding.pt2"
    )


def _by_tensorflow(folder: Path) -> None:
    from models.frameworks.tensorflow import tensorflow

    tf = tensorflow()

    class Net(tf.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.w = tf.Variable(FEATURES)

        @tf.function(
            input_signature=[
                tf.TensorSpec([None, 4], tf.float32, name="features"),
                tf.TensorSpec([None], tf.int32, name="bias"),
            ]
        )
        def classify(self, features: Any, bias: Any) -> Any:
            scores = features @ self.w + tf.cast(bias, tf.float32)[:, None]
            return {"scores": scores, "top": tf.argmax(scores, axis=1)}

    net = Net()
    tf.saved_model.save(net, str(folder / "net"), signatures={"classify": net.classify})
    concrete = net.classify.get_concrete_function()
    (folder / "net.tflite").write_bytes(tf.lite.TFLiteConverter.from_concrete_functions([concrete], net).convert())
    import onnx
    import tf2onnx

    onnx.save(
        tf2onnx.convert.from_function(net.classify, net.classify.input_signature, opset=13)[0], folder / "net.onnx"
    )


def _by_openvino(folder: Path) -> None:
    from exporters.openvino.library import openvino

    library = openvino()
    library.save_model(library.convert_model(folder / "old.onnx"), folder / "old.xml", compress_to_fp16=False)


def _import(path: Path, **given: Any) -> Artifact:
    return import_model(Given(path, **given), ArtifactStore())


def _served(artifact: Artifact, stack: str, folder: Path, *requests: Tensors) -> list[Tensors]:
    with (
        start(Deployment(artifact, stack), folder=folder) as server,
        connect(server.endpoint.url, timeout_s=10) as client,
    ):
        assert client.metadata(artifact.manifest.model).inputs
        return [client.infer(artifact.manifest.model, request) for request in requests]


def _net(features: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    scores = features @ FEATURES + bias[:, None]
    return scores, scores.argmax(1)


def test_onnx_of_other_producers_is_served_as_it_is(own_home: Path, files: Path, tmp_path: Path) -> None:
    artifact = _import(files / "old.onnx")
    assert artifact.manifest.inputs == (TensorSpec("x:0", "float32", ("batch", 4)),)
    assert artifact.manifest.settings["opset"] == "ai.onnx 9"
    x = RANDOM.normal(size=(3, 4)).astype(np.float32)
    found = _served(artifact, "fastapi", tmp_path / "old", {"x:0": x})[0]["y:0"]
    scores = np.exp(x @ FEATURES)
    np.testing.assert_allclose(found, scores / scores.sum(1, keepdims=True), rtol=1e-5)

    artifact = _import(files / "iris.onnx", pool=files / "iris.npz", name="flowers")
    assert [spec.name for spec in artifact.manifest.outputs] == ["label", "probabilities"]
    inputs = np.load(files / "iris.npz")["X"]
    found = _served(artifact, "grpc", tmp_path / "iris", {"X": inputs})[0]
    assert found["label"].dtype == np.int64
    assert np.array_equal(artifact.answers().outputs["label"], found["label"])

    artifact = _import(files / "net.onnx")
    assert artifact.ref == "net/onnx/fp32"


@pytest.mark.parametrize(("name", "stack"), [("net", "grpc"), ("net.tflite", "fastapi")])
def test_several_inputs_and_any_name_of_a_signature_are_served(
    name: str, stack: str, own_home: Path, files: Path, tmp_path: Path
) -> None:
    artifact = _import(files / name, name="own")
    manifest = artifact.manifest
    assert {spec.name: (spec.dtype, spec.shape) for spec in manifest.inputs} == {
        "features": ("float32", ("batch", 4)),
        "bias": ("int32", ("batch",)),
    }
    assert {spec.name: spec.dtype for spec in manifest.outputs} == {"scores": "float32", "top": "int64"}
    assert (manifest.framework, manifest.parity, manifest.export_seconds) == ("imported", None, None)
    features, bias = RANDOM.normal(size=(3, 4)).astype(np.float32), np.array([0, 7, 2], np.int32)
    scores, top = _net(features, bias)
    found = _served(artifact, stack, tmp_path / "server", {"bias": bias, "features": features})[0]
    np.testing.assert_allclose(found["scores"], scores, rtol=1e-5)
    assert np.array_equal(found["top"], top)


def test_a_file_for_one_item_serves_any_batch_and_goes_on(own_home: Path, files: Path, tmp_path: Path) -> None:
    artifact = _import(files / "one.onnx")
    assert artifact.manifest.batch_sizes == (1,)
    x = RANDOM.normal(size=(3, 4)).astype(np.float32)
    together, *alone = _served(artifact, "grpc", tmp_path, {"x:0": x}, *({"x:0": x[i : i + 1]} for i in range(3)))
    np.testing.assert_allclose(together["y:0"], np.concatenate([answer["y:0"] for answer in alone]), rtol=1e-6)
    further = export_artifact("one", "openvino", "fp32", ArtifactStore())
    assert further.manifest.batch_sizes == (1,)
    assert further.manifest.parity is not None
    assert further.manifest.weights_origin == "imported one.onnx"


@pytest.mark.parametrize("name", ["old.xml", "whole.onnx"])
def test_an_imported_model_is_loaded_and_its_answers_are_checked(
    name: str, own_home: Path, files: Path, tmp_path: Path
) -> None:
    artifact = _import(files / name, name="own")
    (tmp_path / "load").mkdir()
    with start(Deployment(artifact, "fastapi"), folder=tmp_path / "server") as server:
        result = load_endpoint(
            server.endpoint.url,
            "own",
            ClosedLoop(concurrency=2),
            tmp_path / "load",
            inputs=None,
            warmup_s=0.1,
            duration_s=0.5,
            timeout_s=5,
            seed=1,
            progress=lambda _share: None,
        )
    assert result.errors == 0
    assert result.answers_checked > 0
    assert result.answers_wrong == 0


def test_a_model_without_a_batch_takes_one_set_of_tensors(own_home: Path, files: Path, tmp_path: Path) -> None:
    artifact = _import(files / "whole.onnx")
    assert [spec.shape for spec in artifact.manifest.inputs] == [(5, 4), ()]
    assert not artifact.manifest.batched
    x, s = RANDOM.normal(size=(5, 4)).astype(np.float32), np.array(2, np.float32)
    found = _served(artifact, "grpc", tmp_path, {"x": x, "s": s})[0]["y"]
    np.testing.assert_allclose(found, 2 * x.sum(0), rtol=1e-5)
    with pytest.raises(TailbedError, match="cannot be exported any further"):
        export_artifact("whole", "openvino", "fp32", ArtifactStore())


@pytest.mark.parametrize("name", ["embedding.pt", "embedding.pt2"])
def test_programs_of_pytorch_are_imported(name: str, own_home: Path, files: Path) -> None:
    given = (TensorSpec("ids", "int64", ("batch", "t")), TensorSpec("mask", "float32", ("batch", "t")))
    artifact = _import(files / name, inputs=given if name.endswith(".pt") else ())
    assert [spec.shape for spec in artifact.manifest.inputs] == [("batch", "t")] * 2 or name.endswith("2")
    shapes = [spec.shape for spec in artifact.manifest.outputs]
    assert shapes[0] == ("batch", 8)
    assert (len(shapes[1]), shapes[1][0]) == (2, "batch")


def test_torchscript_asks_for_the_shapes_that_it_does_not_tell(own_home: Path, files: Path) -> None:
    asked = r"embedding\.pt: .*tells no shapes.*--input ids:float32:batch,\.\.\. --input mask:float32:batch,\.\.\."
    with pytest.raises(ModelImportError, match=asked):
        _import(files / "embedding.pt")
    wrong = (TensorSpec("ids", "float32", ("batch", 5)), TensorSpec("mask", "float32", ("batch", 5)))
    with pytest.raises(ModelImportError, match="cannot compute on inputs as --input says"):
        _import(files / "embedding.pt", inputs=wrong)
    assert "embedding" not in MODELS.names()


def test_weights_in_files_of_their_own_come_along(own_home: Path, files: Path, tmp_path: Path) -> None:
    artifact = _import(files / "external.onnx")
    assert "put into one" in artifact.manifest.settings["notes"]
    lonely = tmp_path / "external.onnx"
    lonely.write_bytes((files / "external.onnx").read_bytes())
    with pytest.raises(ModelImportError, match=r"external\.onnx: not a ONNX model that can be read"):
        _import(lonely, name="lonely")


def test_what_cannot_be_served_is_told_in_one_line(own_home: Path, files: Path) -> None:
    with pytest.raises(ModelImportError, match=r"'output_probability' is a sequence, expected a tensor.*zipmap"):
        _import(files / "zipmap.onnx")
    with pytest.raises(TailbedError, match=r"iris\.npz: has arrays 'X', but the model's inputs are 'x:0'"):
        _import(files / "old.onnx", pool=files / "iris.npz")
    assert not list(own_home.rglob("model.*"))


@pytest.mark.parametrize("name", ["old.onnx", "embedding.pt", "embedding.pt2", "net", "net.tflite", "old.xml"])
@pytest.mark.parametrize("damage", ["truncated", "corrupted"])
def test_a_damaged_file_gets_one_line_and_leaves_nothing(
    name: str, damage: str, own_home: Path, files: Path, tmp_path: Path
) -> None:
    import shutil

    copy = shutil.copytree if (files / name).is_dir() else shutil.copyfile
    copy(files / name, tmp_path / name)
    if name.endswith(".xml"):
        shutil.copyfile(files / "old.bin", tmp_path / "old.bin")
    file = tmp_path / name / "saved_model.pb" if name == "net" else tmp_path / name
    content = file.read_bytes()
    half = len(content) // 2
    file.write_bytes(content[:half] if damage == "truncated" else content[:64] + bytes(b ^ 0x5A for b in content[64:]))
    given = (TensorSpec("ids", "int64", ("batch", "t")), TensorSpec("mask", "float32", ("batch", "t")))
    with pytest.raises(TailbedError) as caught:
        _import(tmp_path / name, inputs=given if name == "embedding.pt" else ())
    line = str(caught.value)
    assert line.startswith(f"{tmp_path / name}: ")
    assert "\n" not in line
    assert "Traceback" not in line
    assert [path for path in own_home.rglob("*") if path.is_file()] == []


def test_a_name_is_taken_once(own_home: Path, files: Path) -> None:
    with pytest.raises(ModelImportError, match="digits is a reference model's name: give another with --name"):
        _import(files / "old.onnx", name="digits")
    with pytest.raises(ModelImportError, match=r"'\.\./x' is no name"):
        _import(files / "old.onnx", name="../x")
    _import(files / "old.onnx", name="own")
    with pytest.raises(ModelImportError, match="own is imported already: replace it with --force"):
        _import(files / "net.onnx", name="own")
    before = MODELS.get("own").weights()
    made = export_artifact("own", "openvino", "fp32", ArtifactStore())
    replaced = _import(files / "net.onnx", name="own", force=True)
    assert not made.folder.exists()
    assert MODELS.get("own").inputs == replaced.manifest.inputs
    assert MODELS.get("own").weights().sha256 != before.sha256


def test_onnx_goes_on_and_is_calibrated_on_other_items_than_it_is_judged_on(own_home: Path, files: Path) -> None:
    artifact = _import(files / "old.onnx")
    model = MODELS.get("old")
    assert set(exporters_of(model)) >= {"onnx", "openvino"}
    assert export_artifact("old", "onnx", "fp32", ArtifactStore()).manifest == artifact.manifest
    assert model.calibration is not None
    judged, calibrated = model.evaluation().inputs["x:0"], model.calibration()["x:0"]
    assert len(judged) == len(calibrated) == 128
    assert not {item.tobytes() for item in judged} & {item.tobytes() for item in calibrated}
    further = export_artifact("old", "openvino", "fp32", ArtifactStore())
    assert export_artifact("old", "openvino", "fp32", ArtifactStore()).manifest.created == further.manifest.created


def test_few_inputs_are_judged_on_all_and_not_calibrated(own_home: Path, files: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "few.npz", **{"x:0": RANDOM.normal(size=(5, 4)).astype(np.float32)})
    _import(files / "old.onnx", pool=tmp_path / "few.npz")
    model = MODELS.get("old")
    assert (model.calibration, len(model.evaluation().inputs["x:0"])) == (None, 5)


def test_a_record_that_is_damaged_takes_no_other_model_along(own_home: Path, files: Path) -> None:
    _import(files / "old.onnx")
    (own_home / "imported" / "old" / "model.json").write_text("{")
    assert "old" not in MODELS.names()
    assert "digits" in MODELS.names()


def test_the_command_prints_what_it_made(own_home: Path, files: Path) -> None:
    runner = CliRunner()
    said = runner.invoke(command, [str(files / "old.onnx"), "--name", "own"], catch_exceptions=False)
    assert said.exit_code == 0
    lines = [" ".join(line.split()) for line in said.stdout.splitlines()]
    assert lines[0].startswith("own/onnx/fp32")
    assert "input x:0 float32 [batch, 4]" in lines
    assert "note inputs are generated from the specification: values say nothing about accuracy" in lines
    again = runner.invoke(
        command, [str(files / "old.onnx"), "--name", "own", "--force", "--json"], catch_exceptions=False
    )
    assert json.loads(again.stdout)["framework"] == "imported"
    wrong = runner.invoke(command, [str(files / "old.onnx"), "--input", "x"])
    assert (wrong.exit_code, "NAME:DTYPE:SHAPE" in wrong.stderr) == (2, True)


@pytest.fixture(autouse=True)
def nothing_is_left_half_done(own_home: Path) -> Iterator[None]:
    yield
    assert not list(own_home.rglob(".*"))
