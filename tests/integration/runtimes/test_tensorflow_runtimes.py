"""TensorFlow and LiteRT on files that others made, on damaged ones, and what they say of themselves."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from exporters import Compute, ModelFile
from models import TensorSpec
from models.frameworks.tensorflow import tensorflow
from servers.runtimes import DeviceError, LoadedModel, RuntimeLoadError, runtime_for

INPUTS = (TensorSpec("left", "float32", ("batch", 3)), TensorSpec("right", "int32", ("batch", 3)))
OUTPUTS = (TensorSpec("difference", "float32", ("batch", 3)), TensorSpec("sum", "float32", ("batch", 3)))


def _inputs(batch: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(batch)
    left = random.normal(size=(batch, 3)).astype(np.float32)
    return {"left": left, "right": random.integers(0, 9, (batch, 3)).astype(np.int32)}


def _write_savedmodel(folder: Path, *names: str, python: bool = False) -> None:
    """A SavedModel with a variable, and one signature of each name; any called ``other`` takes one tensor only."""
    tf = tensorflow()

    module = tf.Module()
    module.scale = tf.Variable(tf.ones(1000))

    def pair(left: Any, right: Any) -> Any:
        if python:
            left = tf.ensure_shape(tf.numpy_function(lambda array: array, [left], tf.float32), [None, 3])
        number = tf.cast(right, tf.float32) * module.scale[0]
        return {"sum": left + number, "difference": left - number}

    spec = {
        "left": tf.TensorSpec([None, 3], tf.float32, name="left"),
        "right": tf.TensorSpec([None, 3], tf.int32, name="right"),
    }
    signatures = {
        name: tf.function(lambda left: {"same": left}).get_concrete_function(spec["left"])
        if name == "other"
        else tf.function(pair, autograph=False).get_concrete_function(**spec)
        for name in names
    }
    tf.saved_model.save(module, str(folder), signatures=signatures)


@pytest.fixture(scope="module")
def savedmodel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("savedmodel") / "model"
    _write_savedmodel(folder, "serving_default")
    return folder


@pytest.fixture(scope="module")
def tflite(savedmodel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tflite") / "model.tflite"
    path.write_bytes(_converted(savedmodel))
    return path


def _converted(savedmodel: Path, *signatures: str) -> bytes:
    tf = tensorflow()

    content: bytes = tf.lite.TFLiteConverter.from_saved_model(
        str(savedmodel), signature_keys=list(signatures) or None
    ).convert()
    return content


@pytest.fixture(params=["savedmodel", "tflite"])
def file(request: pytest.FixtureRequest, savedmodel: Path, tflite: Path) -> ModelFile:
    return ModelFile({"savedmodel": savedmodel, "tflite": tflite}[request.param], INPUTS, OUTPUTS)


def _load(file: ModelFile, compute: Compute | None = None) -> LoadedModel:
    return runtime_for("tflite" if file.path.suffix == ".tflite" else "savedmodel").load(file, compute or Compute())


def _check(loaded: LoadedModel, *batches: int) -> None:
    for batch in batches:
        inputs = _inputs(batch)
        outputs = loaded.run({"right": inputs["right"], "left": inputs["left"]})
        assert list(outputs) == ["difference", "sum"]
        np.testing.assert_allclose(outputs["difference"], inputs["left"] - inputs["right"], rtol=1e-6)
        np.testing.assert_allclose(outputs["sum"], inputs["left"] + inputs["right"], rtol=1e-6)


def test_any_batch_size_in_any_order(file: ModelFile) -> None:
    _check(_load(file), 3, 1, 8, 3)


def test_more_batch_sizes_than_interpreters_are_kept(tflite: Path) -> None:
    _check(_load(ModelFile(tflite, INPUTS, OUTPUTS)), *range(1, 12), 1)


def test_outputs_stay_when_the_next_ones_are_computed_and_inputs_may_be_read_only(file: ModelFile) -> None:
    loaded, results = _load(file), []
    for value in (1, 2):
        left = np.frombuffer(np.full(3, value, np.float32).tobytes(), np.float32).reshape(1, 3)
        results.append(loaded.run({"left": left, "right": np.full((1, 3), value, np.int32)}))
    assert [result["sum"].tolist() for result in results] == [[[2, 2, 2]], [[4, 4, 4]]]


def test_two_instances_compute_side_by_side(file: ModelFile) -> None:
    one, other = _load(file), _load(file)
    _check(one, 2)
    _check(other, 4)
    _check(one, 2)


@pytest.mark.parametrize("names", [("predict",), ("other", "predict"), ("other", "predict", "serving_default")])
def test_a_signature_of_another_name_is_found(names: tuple[str, ...], tmp_path: Path) -> None:
    _write_savedmodel(tmp_path / "model", *names)
    loaded = _load(ModelFile(tmp_path / "model", INPUTS, OUTPUTS))
    assert loaded.facts["signature"] == names[-1]
    _check(loaded, 2)
    path = tmp_path / "model.tflite"
    path.write_bytes(_converted(tmp_path / "model", *names))
    _check(_load(ModelFile(path, INPUTS, OUTPUTS)), 2, 5)


def test_signatures_that_fit_alike_are_not_guessed_between(tmp_path: Path) -> None:
    _write_savedmodel(tmp_path / "model", "one", "two")
    with pytest.raises(RuntimeLoadError, match="signatures one, two fit alike, and none of them is serving_default"):
        _load(ModelFile(tmp_path / "model", INPUTS, OUTPUTS))


def test_a_file_without_signatures_is_called_by_its_tensors_names(tflite: Path, tmp_path: Path) -> None:
    from ai_edge_litert import schema_py_generated as schema
    from ai_edge_litert.tools import flatbuffer_utils

    graph = schema.ModelT.InitFromPackedBuf(tflite.read_bytes())
    graph.signatureDefs = None
    names = {b"left": "left", b"right": "right"}
    subgraph = graph.subgraphs[0]
    for tensor in (subgraph.tensors[index] for index in subgraph.inputs):
        tensor.name = next(name for key, name in names.items() if key in tensor.name)
    results = {"SUB": "difference", "ADD": "sum"}
    for operator in subgraph.operators:
        name = flatbuffer_utils.opcode_to_name(graph, operator.opcodeIndex)
        if name in results:
            subgraph.tensors[operator.outputs[0]].name = results[name]
    path = tmp_path / "model.tflite"
    flatbuffer_utils.write_model(graph, str(path))
    _check(_load(ModelFile(path, INPUTS, OUTPUTS)), 1, 3)


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ((INPUTS[0],), "left"),
        ((INPUTS[0], TensorSpec("right", "float32", ("batch", 3))), "float32"),
        ((TensorSpec("up", "float32", ("batch", 3)), INPUTS[1]), "up"),
    ],
)
def test_a_file_with_other_inputs_is_refused(file: ModelFile, inputs: tuple[TensorSpec, ...], said: str) -> None:
    with pytest.raises(RuntimeLoadError, match=said) as caught:
        _load(ModelFile(file.path, inputs, OUTPUTS))
    assert "\n" not in str(caught.value)


def _truncate(path: Path, share: float) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


_DATA = "variables/variables.data-00000-of-00001"
DAMAGES: dict[str, Callable[[Path], object]] = {
    "missing": shutil.rmtree,
    "no graph": lambda folder: (folder / "saved_model.pb").unlink(),
    "empty graph": lambda folder: _truncate(folder / "saved_model.pb", 0),
    "half a graph": lambda folder: _truncate(folder / "saved_model.pb", 0.5),
    "text for a graph": lambda folder: (folder / "saved_model.pb").write_text("hello " * 100),
    "no variables": lambda folder: shutil.rmtree(folder / "variables"),
    "half the variables": lambda folder: _truncate(folder / _DATA, 0.5),
    "a flipped byte in the variables": lambda folder: _flip(folder / _DATA),
    "half the index": lambda folder: _truncate(folder / "variables/variables.index", 0.5),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_savedmodel_gives_one_line(
    damage: str, savedmodel: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(savedmodel, folder)
    DAMAGES[damage](folder)
    with pytest.raises(RuntimeLoadError) as caught:
        _load(ModelFile(folder, INPUTS, OUTPUTS))
    assert str(caught.value).startswith(f"{folder}: not a SavedModel that TensorFlow can run (")
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("share", [None, 0, 0.01, 0.5, 0.99])
def test_a_cut_off_flatbuffer_gives_one_line(
    share: float | None, tflite: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "model.tflite"
    if share is not None:
        shutil.copy(tflite, path)
        _truncate(path, share)
    with pytest.raises(RuntimeLoadError) as caught:
        _load(ModelFile(path, INPUTS, OUTPUTS))
    assert str(caught.value).startswith(f"{path}: not a TensorFlow Lite model that LiteRT can run (")
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("content", [b"hello " * 100, b"\x1c\0\0\0TFL3" + bytes(400)])
def test_what_is_no_flatbuffer_gives_one_line(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(content)
    with pytest.raises(RuntimeLoadError, match="not a TensorFlow Lite model that LiteRT can run"):
        _load(ModelFile(path, INPUTS, OUTPUTS))


def test_a_graph_that_calls_python_is_refused(tmp_path: Path) -> None:
    _write_savedmodel(tmp_path / "model", "serving_default", python=True)
    with pytest.raises(RuntimeLoadError, match=r"its graph calls a Python function \(.*PyFunc.*\), which no"):
        _load(ModelFile(tmp_path / "model", INPUTS, OUTPUTS))


@pytest.mark.parametrize("device", ["cuda", "tpu"])
def test_a_device_that_is_not_there_gives_one_line(file: ModelFile, device: str) -> None:
    with pytest.raises(DeviceError, match=f"(tensorflow|litert) cannot compute on {device}: ") as caught:
        _load(file, Compute(device=device))
    assert "\n" not in str(caught.value)


def test_litert_tells_what_xnnpack_has_taken(tflite: Path) -> None:
    facts = _load(ModelFile(tflite, INPUTS, OUTPUTS), Compute(threads=2)).facts
    assert (facts["intra_op_threads"], facts["inter_op_threads"]) == ("2", "1")
    assert facts["xnnpack"].startswith("on: ")


_THREADS = """
import sys
from pathlib import Path
from exporters import Compute, ModelFile
from servers.runtimes import runtime_for
from tests.integration.runtimes.test_tensorflow_runtimes import INPUTS, OUTPUTS, _inputs
file = ModelFile(Path(sys.argv[1]), INPUTS, OUTPUTS)
for threads in (3, 1):
    loaded = runtime_for("tflite" if file.path.suffix else "savedmodel").load(file, Compute(threads=threads))
    loaded.run(_inputs(2))
    print(loaded.facts["intra_op_threads"], loaded.facts["inter_op_threads"], loaded.facts.get("onednn"))
"""


def test_tensorflow_tells_that_it_computes_with_onednn(savedmodel: Path) -> None:
    assert _load(ModelFile(savedmodel, INPUTS, OUTPUTS)).facts["onednn"] == "on"


def test_tensorflow_has_the_threads_of_the_first_model_and_keeps_to_the_environments_choice(savedmodel: Path) -> None:
    environment = os.environ | {"TF_ENABLE_ONEDNN_OPTS": "0"}
    assert _run(savedmodel, environment) == ("3 1 off\n" * 2, "")


def test_litert_has_threads_of_its_own_and_says_nothing(tflite: Path) -> None:
    assert _run(tflite, dict(os.environ)) == ("3 1 None\n1 1 None\n", "")


def _run(path: Path, environment: dict[str, str]) -> tuple[str, str]:
    argv = [sys.executable, "-c", _THREADS, str(path)]
    done = subprocess.run(argv, capture_output=True, text=True, env=environment, timeout=120, check=False)
    return done.stdout, done.stderr
