"""SavedModel, TensorFlow Lite and Keras' ONNX: what the files hold, and that they compute what their source does."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from exporters import Artifact, ArtifactStore, Compute, Exporter, ExportError, ModelFile, export, exporters_of
from models import MODELS, EvaluationSet, Model, Source, TensorSpec, Weights
from models.frameworks.tensorflow import tensorflow
from servers.runtimes import LoadedModel, runtime_for

DIGITS = MODELS.get("digits")
NAMES = ("savedmodel", "savedmodel-jax", "tflite", "tflite-jax", "onnx-keras")
EXPORTS = [(name, precision) for name in NAMES for precision in exporters_of(DIGITS)[name].precisions]


class _Exported:
    """Digits in each format and precision, exported when first asked for."""

    def __init__(self, folder: Path) -> None:
        self.store = ArtifactStore(folder)
        self.said: dict[tuple[str, str], tuple[str, str]] = {}
        self._found: dict[tuple[str, str], Artifact] = {}

    def get(self, name: str, precision: str, capfd: pytest.CaptureFixture[str] | None = None) -> Artifact:
        if (name, precision) not in self._found:
            checker = runtime_for(exporters_of(DIGITS)[name].format)
            if capfd:
                capfd.readouterr()
            self._found[name, precision] = export(DIGITS, name, precision, store=self.store, checker=checker)
            if capfd:
                self.said[name, precision] = capfd.readouterr()
        return self._found[name, precision]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> _Exported:
    DIGITS.weights()  # trained here, so that no test waits for it
    return _Exported(tmp_path_factory.mktemp("artifacts"))


def _load(artifact: Artifact) -> LoadedModel:
    return runtime_for(artifact.manifest.format).load(artifact.model_file, Compute())


@pytest.mark.parametrize(("name", "precision"), EXPORTS)
def test_every_precision_reads_digits_as_well_as_its_source_and_says_nothing(
    name: str, precision: str, exported: _Exported, capfd: pytest.CaptureFixture[str]
) -> None:
    artifact = exported.get(name, precision, capfd)
    assert exported.said[name, precision] == ("", "")
    assert artifact.manifest.accuracy is not None
    assert artifact.manifest.accuracy > 0.98
    assert artifact.manifest.parity.label_agreement > 0.98
    assert artifact.manifest.determinism.repeat_max_abs_diff == 0


@pytest.mark.parametrize(("name", "precision"), EXPORTS)
@pytest.mark.parametrize("batch", [1, 3, 8])
def test_any_batch_size_gives_the_answers_that_each_item_has_alone(
    name: str, precision: str, batch: int, exported: _Exported
) -> None:
    artifact = exported.get(name, precision)
    loaded, answers = _load(artifact), artifact.answers()
    outputs = loaded.run({"image": answers.inputs["image"][:batch]})
    assert list(outputs) == ["scores"]
    assert outputs["scores"].dtype == np.float32
    tolerance = {"fp32": 1e-4, "fp16": 2e-2, "bf16": 2e-1}.get(precision, 0.5)
    np.testing.assert_allclose(outputs["scores"], answers.outputs["scores"][:batch], atol=tolerance)


@pytest.mark.parametrize("name", ["savedmodel", "savedmodel-jax"])
def test_a_savedmodel_has_one_signature_with_the_models_names_and_any_batch_size(
    name: str, exported: _Exported
) -> None:
    tf = tensorflow()

    artifact = exported.get(name, "fp32")
    signatures = tf.saved_model.load(str(artifact.path)).signatures
    assert list(signatures) == ["serving_default"]
    _, taken = signatures["serving_default"].structured_input_signature
    given = signatures["serving_default"].structured_outputs
    assert {key: (tensor.shape.as_list(), tensor.dtype) for key, tensor in taken.items()} == {
        "image": ([None, 1, 8, 8], tf.float32)
    }
    assert {key: (tensor.shape.as_list(), tensor.dtype) for key, tensor in given.items()} == {
        "scores": ([None, 10], tf.float32)
    }


@pytest.mark.parametrize(
    ("name", "times", "bytes_each"),
    [("savedmodel", 2, {"fp32": 4, "fp16": 2}), ("savedmodel-jax", 1, {"fp32": 4, "fp16": 2})],
)
def test_the_parameters_are_variables_in_the_precisions_type(
    name: str, times: int, bytes_each: Mapping[str, int], exported: _Exported
) -> None:
    parameters = sum(array.size for array in DIGITS.weights().tensors.values())
    for precision, size in bytes_each.items():
        data = exported.get(name, precision).path / "variables/variables.data-00000-of-00001"
        assert parameters * size * times <= data.stat().st_size < parameters * size * times + 20_000


def _types(artifact: Artifact) -> Counter[str]:
    """How many elements the constants of a TensorFlow Lite file have in each type."""
    from ai_edge_litert import schema_py_generated as schema

    graph = schema.ModelT.InitFromPackedBuf((artifact.path).read_bytes())
    names = {code: name for name, code in vars(schema.TensorType).items() if not name.startswith("_")}
    found: Counter[str] = Counter()
    for tensor in graph.subgraphs[0].tensors:
        if graph.buffers[tensor.buffer].data is not None:
            found[names[tensor.type]] += int(np.prod(tensor.shape))
    return found


@pytest.mark.parametrize("name", ["tflite", "tflite-jax"])
@pytest.mark.parametrize(
    ("precision", "type", "share"),
    [("fp16", "FLOAT16", 0.52), ("int8-dynamic", "INT8", 0.28), ("int8-static", "INT8", 0.28)],
)
def test_weights_are_in_the_precisions_type_and_the_file_is_smaller(
    name: str, precision: str, type: str, share: float, exported: _Exported
) -> None:
    full, artifact = exported.get(name, "fp32"), exported.get(name, precision)
    assert _types(artifact)[type] > 0.99 * _types(full)["FLOAT32"]
    assert artifact.manifest.size_bytes < share * full.manifest.size_bytes


@pytest.mark.parametrize("name", ["tflite", "tflite-jax"])
def test_static_int8_has_floats_at_its_two_ends_only(name: str, exported: _Exported) -> None:
    from ai_edge_litert.interpreter import Interpreter

    artifact = exported.get(name, "int8-static")
    interpreter = Interpreter(str(artifact.path))
    floats = [tensor["name"] for tensor in interpreter.get_tensor_details() if tensor["dtype"] == np.float32]
    ends = [tensor["name"] for tensor in interpreter.get_input_details() + interpreter.get_output_details()]
    assert sorted(floats) == sorted(ends)


def test_keras_onnx_has_the_specifications_names_and_axes(exported: _Exported) -> None:
    import onnx

    artifact = exported.get("onnx-keras", "fp32")
    graph = onnx.load(artifact.path).graph
    shapes = {
        value.name: [axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim]
        for value in [*graph.input, *graph.output]
    }
    assert shapes == {"image": ["batch", 1, 8, 8], "scores": ["batch", 10]}
    assert artifact.manifest.settings["opset"] == "18"


# A model with two inputs of integers, an embedding and an output that is none of a classifier's.

TOKENS, LENGTH = 11, 4
TEXT_INPUTS = (TensorSpec("ids", "int32", ("batch", LENGTH)), TensorSpec("mask", "int32", ("batch", LENGTH)))
TEXT_OUTPUTS = (TensorSpec("scores", "float32", ("batch", 3)), TensorSpec("length", "int32", ("batch",)))


def _texts(items: int = 16) -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    mask = (np.arange(LENGTH) < random.integers(1, LENGTH + 1, (items, 1))).astype(np.int32)
    return {"ids": random.integers(0, TOKENS, (items, LENGTH)).astype(np.int32), "mask": mask}


TEXT = Model(
    "text",
    "",
    TEXT_INPUTS,
    TEXT_OUTPUTS,
    lambda: EvaluationSet(_texts(), None),
    _texts,
    (),
    calibration=lambda: _texts(256),
)


def _keras_text() -> Source:
    from models.frameworks.keras import KerasSource, keras, layers, ops

    # In the other order than the specifications'.
    mask, ids = (keras.Input((LENGTH,), dtype="int32", name=name) for name in ("mask", "ids"))
    x = layers.Embedding(TOKENS, 5, name="embedding")(ids)
    x = ops.sum(x * ops.expand_dims(ops.cast(mask, x.dtype), -1), axis=1)
    outputs = {"length": ops.sum(mask, axis=1), "scores": layers.Dense(3)(x)}
    keras.utils.set_random_seed(0)
    return KerasSource(
        keras.Model({"ids": ids, "mask": mask}, outputs), outputs=TEXT_OUTPUTS, weights=Weights({}, "", "random")
    )


def _jax_text() -> Source:
    import jax.numpy as jnp

    from models.frameworks.jax import JAXModule, JAXSource

    random = np.random.default_rng(0)
    parameters = {
        "table": jnp.asarray(random.normal(size=(TOKENS, 5)), jnp.float32),
        "dense": [jnp.asarray(random.normal(size=(5, 3)), jnp.float32), jnp.zeros(3)],
    }

    def apply(p: Any, ids: Any, mask: Any) -> tuple[Any, ...]:
        x = (p["table"][ids] * mask[..., None].astype(p["table"].dtype)).sum(axis=1)
        return x @ p["dense"][0] + p["dense"][1], mask.sum(axis=1)

    return JAXSource(
        JAXModule(apply, parameters), inputs=TEXT_INPUTS, outputs=TEXT_OUTPUTS, weights=Weights({}, "", "random")
    )


def _exporter(name: str) -> Exporter:
    return exporters_of(DIGITS)[name]


@pytest.mark.parametrize(
    ("name", "precision"),
    [
        ("savedmodel", "fp32"),
        ("savedmodel", "bf16"),
        ("savedmodel-jax", "fp32"),
        ("savedmodel-jax", "fp16"),
        ("tflite", "fp32"),
        ("tflite", "int8-dynamic"),
        ("tflite", "int8-static"),
        ("tflite-jax", "fp32"),
        ("tflite-jax", "fp16"),
        ("tflite-jax", "int8-static"),
        ("onnx-keras", "fp32"),
    ],
)
def test_two_inputs_of_integers_and_two_outputs(name: str, precision: str, tmp_path: Path) -> None:
    exporter = _exporter(name)
    source = _keras_text() if exporter.framework == "keras" else _jax_text()
    path = tmp_path / exporter.filename
    exporter.write(TEXT, source, precision, path)
    file = ModelFile(path, TEXT_INPUTS, TEXT_OUTPUTS, precision, exporter.batch_sizes)
    loaded = runtime_for(exporter.format).load(file, Compute())
    for batch in (1, 3, 8, 3):
        inputs = _texts(batch)
        outputs, expected = loaded.run(inputs), source.predict(inputs)
        assert list(outputs) == ["scores", "length"]
        assert outputs["length"].tolist() == expected["length"].tolist()
        assert outputs["length"].dtype == np.int32
        tolerance = 1e-4 if precision == "fp32" else 0.1
        np.testing.assert_allclose(
            outputs["scores"], expected["scores"], atol=tolerance * np.abs(expected["scores"]).max()
        )


def test_a_keras_model_wrapped_in_a_module_becomes_a_file_that_verification_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exported: _Exported
) -> None:
    exporter, text = _exporter("tflite"), exported.get("tflite", "fp32")

    def wrapped(model: Model, source: Source, precision: str, path: Path) -> dict[str, str]:
        tf = tensorflow()

        from exporters.tflite.conversion import convert

        module = tf.Module()
        module.model = source.module
        module.serve = tf.function(
            lambda image: source.module({"image": image}, training=False),
            input_signature=[tf.TensorSpec([None, 1, 8, 8], tf.float32, name="image")],
        )
        tf.saved_model.save(module, str(tmp_path / "wrapped"), signatures={"serving_default": module.serve})
        settings = convert(model, tmp_path / "wrapped", precision, path)
        assert path.stat().st_size < 0.1 * text.manifest.size_bytes, "the weights are there: the trap is gone"
        return dict(settings)

    monkeypatch.setattr(type(exporter), "write", staticmethod(wrapped))
    store = ArtifactStore(tmp_path / "store")
    with pytest.raises(ExportError, match="output 'scores' or the source's is not finite, first at item 0"):
        export(DIGITS, "tflite", store=store, checker=runtime_for("tflite"))
    assert list(store.list()) == []


@pytest.mark.parametrize("statement", ["from models.frameworks.keras import keras", "from models.digits import keras"])
def test_importing_keras_says_nothing(statement: str) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    done = subprocess.run(
        [sys.executable, "-c", statement], capture_output=True, text=True, check=True, env=environment, timeout=120
    )
    assert (done.stdout, done.stderr) == ("", "")
