"""ONNX files in every precision: what is really in them, what they compute, and where the numbers come from."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from exporters import (
    TOLERANCES,
    Artifact,
    ArtifactStore,
    Compute,
    ExportError,
    ModelFile,
    all_exporters,
    export,
    exporter_for,
)
from exporters.onnx import precision as onnx_precision
from exporters.onnx.onnx import EXPORTER as FROM_ONNX
from exporters.onnx.precision import PRECISIONS, UNSUPPORTED, to_precision
from models import MODELS, EvaluationSet, Model, Tensors, TensorSpec, Weights, check_tensors
from models.frameworks.onnx import ONNXSource
from servers.runtimes import runtime_for

DIGITS = MODELS.get("digits")
every_precision = pytest.mark.parametrize("precision", PRECISIONS)


def _export(precision: str) -> Artifact:
    """From the session's own home, where each is made once."""
    return export(DIGITS, "onnx", precision, store=ArtifactStore(), checker=runtime_for("onnx"))


def _graph(artifact: Artifact) -> Any:
    return onnx.load(artifact.path).graph


def _kinds(graph: Any) -> dict[str, int]:
    """Elements of the weights, by type."""
    kinds: dict[str, int] = {}
    for tensor in graph.initializer:
        name = TensorProto.DataType.Name(tensor.data_type)
        kinds[name] = kinds.get(name, 0) + int(np.prod(tensor.dims))
    return kinds


def _activation_types(graph: Any) -> set[str]:
    """Types of the zero points of what is quantized while the model runs."""
    zeros = {tensor.name: TensorProto.DataType.Name(tensor.data_type) for tensor in graph.initializer}
    return {zeros[node.input[2]] for node in graph.node if node.op_type == "QuantizeLinear"}


# Digits, through the whole export.


@every_precision
def test_it_reads_digits_and_keeps_the_models_tensors(precision: str) -> None:
    artifact = _export(precision)
    manifest = artifact.manifest
    assert manifest.accuracy is not None
    assert manifest.accuracy > 0.98
    assert manifest.parity is not None
    assert manifest.parity.max_abs_diff <= TOLERANCES[precision] * manifest.parity.scale
    assert (manifest.inputs, manifest.outputs) == (DIGITS.inputs, DIGITS.outputs)
    model = runtime_for("onnx").load(artifact.model_file, Compute())
    expected = artifact.answers().outputs["scores"]
    for batch in (1, 3, 8):
        outputs = model.run({"image": DIGITS.requests()["image"][:batch]})
        check_tensors(DIGITS.outputs, outputs)
        np.testing.assert_allclose(outputs["scores"], expected[:batch], atol=manifest.answer_tolerance["scores"])


def test_the_weights_are_really_smaller() -> None:
    sizes = {precision: _export(precision).manifest.size_bytes for precision in PRECISIONS}
    assert sizes["fp16"] < 0.55 * sizes["fp32"]
    assert max(sizes[precision] for precision in PRECISIONS if precision.startswith("int8")) < 0.3 * sizes["fp32"]
    parameters = _kinds(_graph(_export("fp32")))["FLOAT"]
    assert _kinds(_graph(_export("fp16"))).get("FLOAT", 0) == 0
    assert _kinds(_graph(_export("fp16")))["FLOAT16"] == parameters
    for precision in ("int8-dynamic", "int8-static", "int8-static-signed"):
        assert _kinds(_graph(_export(precision)))["INT8"] > 0.99 * parameters


def test_activations_are_of_the_type_that_the_precision_says() -> None:
    assert _activation_types(_graph(_export("int8-static"))) == {"UINT8"}
    assert _activation_types(_graph(_export("int8-static-signed"))) == {"INT8"}
    assert _export("int8-static").manifest.settings["activations"] == "uint8"
    assert _export("int8-static-signed").manifest.settings["activations"] == "int8"


def test_dynamic_activations_get_their_ranges_at_each_request() -> None:
    ops = {node.op_type for node in _graph(_export("int8-dynamic")).node}
    assert {"DynamicQuantizeLinear", "ConvInteger", "MatMulInteger"} <= ops
    assert "QuantizeLinear" not in ops


def test_convolutions_weights_have_a_scale_a_channel() -> None:
    graph = _graph(_export("int8-static"))
    scales = {tensor.name: tensor.dims for tensor in graph.initializer}
    weights = {tensor.name for tensor in graph.initializer if len(tensor.dims) == 4}
    found = [list(scales[node.input[1]]) for node in graph.node if set(node.input) & weights]
    assert sorted(found) == [[32], [64]]


def test_the_manifest_tells_the_opset_and_the_quantization() -> None:
    for precision in PRECISIONS:
        settings = _export(precision).manifest.settings
        assert int(settings["opset"]) >= 18
        assert ("reduce_range" in settings) == precision.startswith("int8")
    assert "256 items" in _export("int8-static").manifest.settings["calibration"]


# The calibration set.


def test_the_calibration_set_has_nothing_of_the_evaluation_set() -> None:
    assert DIGITS.calibration is not None
    held_out = {image.tobytes() for image in DIGITS.evaluation().inputs["image"]}
    assert not held_out & {image.tobytes() for image in DIGITS.calibration()["image"]}


def _input_scale(path: Path) -> float:
    graph = onnx.load(path).graph
    first = next(node for node in graph.node if node.op_type == "QuantizeLinear" and node.input[0] == "image")
    return float(next(numpy_helper.to_array(tensor) for tensor in graph.initializer if tensor.name == first.input[1]))


def test_ranges_come_from_the_calibration_set_alone(tmp_path: Path) -> None:
    assert DIGITS.calibration is not None
    images = DIGITS.calibration()["image"][:16]
    scales = []
    for factor in (1, 4):
        path = tmp_path / f"{factor}.onnx"
        path.write_bytes(_export("fp32").path.read_bytes())
        model = replace(
            DIGITS,
            calibration=lambda factor=factor: {"image": images * np.float32(factor)},
            evaluation=_untouched,
            requests=_untouched,
        )
        settings = to_precision(path, model, "int8-static")
        assert settings["calibration"] == "minimum and maximum over 16 items"
        scales.append(_input_scale(path))
    assert scales[0] == pytest.approx(images.max() / 255, rel=1e-3)
    assert scales[1] == pytest.approx(4 * scales[0], rel=1e-3)


def _untouched() -> Any:
    raise AssertionError("only the calibration set is to be used")


def test_a_model_without_a_calibration_set_has_no_static_precision(tmp_path: Path) -> None:
    model = replace(DIGITS, calibration=None)
    with pytest.raises(Exception, match=r"digits has no calibration set, which int8-static needs"):
        export(model, "onnx", "int8-static", store=ArtifactStore(tmp_path), checker=runtime_for("onnx"))


# What the libraries cannot do, or only with care.


def test_bf16_is_refused_with_the_runtimes_own_message(tmp_path: Path) -> None:
    import onnxruntime

    image, weight = "image", helper.make_tensor("w", TensorProto.BFLOAT16, [2, 1, 3, 3], np.zeros(18))
    nodes = [
        helper.make_node("Cast", [image], ["x"], to=TensorProto.BFLOAT16),
        helper.make_node("Conv", ["x", "w"], ["y"]),
        helper.make_node("Cast", ["y"], ["scores"], to=TensorProto.FLOAT),
    ]
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in (image, "scores")]
    values[0].type.tensor_type.shape.CopyFrom(helper.make_tensor_type_proto(1, ["batch", 1, 8, 8]).tensor_type.shape)
    graph = helper.make_graph(nodes, "bf16", values[:1], values[1:], [weight])
    content = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 22)], ir_version=10).SerializeToString()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    with pytest.raises(Exception, match="Could not find an implementation") as caught:
        onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    assert str(caught.value) in UNSUPPORTED["bf16"]
    with pytest.raises(ExportError, match=r"^digits/onnx/bf16 is not supported: .*Could not find an implementation"):
        export(DIGITS, "onnx", "bf16", store=ArtifactStore(tmp_path), checker=runtime_for("onnx"))


def test_shapes_that_the_converter_inferred_would_stop_the_quantization(tmp_path: Path) -> None:
    from onnxruntime.quantization import quantize_dynamic

    fp32 = onnx.load(_export("fp32").path)
    assert fp32.graph.value_info, "the trap is there"
    with pytest.raises(Exception, match="Inferred shape and existing shape differ"):
        quantize_dynamic(fp32, tmp_path / "trapped.onnx", per_channel=True)
    assert _export("int8-dynamic").manifest.accuracy


def test_the_range_is_reduced_where_sums_would_saturate(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    largest = {}
    for features in (("avx2", "avx512f"), ("avx2", "avx512f", "avx512_vnni")):
        monkeypatch.setattr(onnx_precision, "cpu_features", lambda features=features: features)
        path = tmp_path / "model.onnx"
        path.write_bytes(_export("fp32").path.read_bytes())
        said = to_precision(path, DIGITS, "int8-dynamic")["reduce_range"].partition(":")[0]
        weights = [
            numpy_helper.to_array(tensor) for tensor in onnx.load(path).graph.initializer if tensor.data_type == 3
        ]
        largest[said] = max(int(np.abs(array.astype(int)).max()) for array in weights)
    assert largest == {"yes": 64, "no": 127}


@every_precision
def test_nothing_is_said_that_no_user_can_act_on(
    precision: str, tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(_export("fp32").path.read_bytes())
    capfd.readouterr()
    with caplog.at_level(logging.WARNING):
        to_precision(path, DIGITS, precision)
    assert capfd.readouterr() == ("", "")
    assert caplog.messages == []
    assert [found.name for found in tmp_path.iterdir()] == ["model.onnx"]


# A user's own file, with two inputs, attention with a mask, and its weights beside it.

INPUTS = (TensorSpec("ids", "int64", ("batch", 6)), TensorSpec("mask", "int64", ("batch", 6)))
OUTPUTS = (TensorSpec("scores", "float32", ("batch", 3)),)


def _items(items: int = 24, seed: int = 0) -> Tensors:
    random = np.random.default_rng(seed)
    mask = (np.arange(6) < random.integers(2, 7, (items, 1))).astype(np.int64)
    return {"ids": random.integers(0, 50, (items, 6)), "mask": mask}


MASKED = Model(
    "masked",
    "one attention",
    INPUTS,
    OUTPUTS,
    lambda: EvaluationSet(_items(), None),
    _items,
    ("onnx",),
    calibration=lambda: _items(200, seed=1),
)


@pytest.fixture(scope="module")
def masked(tmp_path_factory: pytest.TempPathFactory) -> ONNXSource:
    random = np.random.default_rng(0)
    arrays = {"table": (50, 64), "q": (64, 64), "k": (64, 64), "v": (64, 64), "head": (64, 3)}
    weights = [
        numpy_helper.from_array((random.normal(size=shape) / 8).astype(np.float32), name)
        for name, shape in arrays.items()
    ]
    constants = {"one": np.float32(1), "large": np.float32(-1e9), "axis": np.array([1])}
    weights += [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    make = helper.make_node
    nodes = [
        make("Gather", ["table", "ids"], ["x"]),
        *(make("MatMul", ["x", name], [f"x{name}"]) for name in "qkv"),
        make("Cast", ["mask"], ["float_mask"], to=TensorProto.FLOAT),
        make("Sub", ["one", "float_mask"], ["hidden"]),
        make("Mul", ["hidden", "large"], ["penalty"]),
        make("Unsqueeze", ["penalty", "axis"], ["penalties"]),
        make("Transpose", ["xk"], ["keys"], perm=[0, 2, 1]),
        make("MatMul", ["xq", "keys"], ["products"]),
        make("Add", ["products", "penalties"], ["scored"]),
        make("Softmax", ["scored"], ["shares"], axis=-1),
        make("MatMul", ["shares", "xv"], ["attended"]),
        make("ReduceMean", ["attended", "axis"], ["pooled"], keepdims=0),
        make("Gemm", ["pooled", "head"], ["scores"]),
    ]
    inputs = [helper.make_tensor_value_info(spec.name, TensorProto.INT64, spec.shape) for spec in INPUTS]
    outputs = [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", 3])]
    graph = helper.make_graph(nodes, "masked", inputs, outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    path = tmp_path_factory.mktemp("user") / "masked.onnx"
    onnx.save(model, path, save_as_external_data=True, location="masked.data", size_threshold=100)
    assert (path.parent / "masked.data").stat().st_size > 4 * 64 * 64 * 3
    return ONNXSource(path, INPUTS, OUTPUTS, Weights({}, "a" * 64, "imported"))


@every_precision
def test_a_users_file_becomes_one_file_in_every_precision(precision: str, masked: ONNXSource, tmp_path: Path) -> None:
    path = tmp_path / FROM_ONNX.filename
    settings = FROM_ONNX.write(MASKED, masked, precision, path)
    assert settings["opset"] == "18"
    assert [found.name for found in tmp_path.iterdir()] == [FROM_ONNX.filename]
    model = runtime_for("onnx").load(ModelFile(path, INPUTS, OUTPUTS, precision), Compute())
    for batch in (1, 3, 8):
        inputs = {name: array[:batch] for name, array in _items(seed=2).items()}
        expected, found = masked.predict(inputs), model.run(inputs)
        check_tensors(OUTPUTS, found)
        bound = {"fp32": 1e-6, "fp16": 2e-3}.get(precision, 5e-2)
        np.testing.assert_allclose(found["scores"], expected["scores"], atol=bound)


def test_the_source_file_is_left_as_it_is(masked: ONNXSource, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in masked.module.parent.iterdir()}
    FROM_ONNX.write(MASKED, masked, "int8-static", tmp_path / "model.onnx")
    assert {path: path.read_bytes() for path in masked.module.parent.iterdir()} == before


def test_the_addition_of_a_mask_is_not_quantized(masked: ONNXSource, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    settings = FROM_ONNX.write(MASKED, masked, "int8-static", path)
    assert settings["quantized_ops"] == "MatMul, Gemm, Attention, Gather"
    graph = onnx.load(path).graph
    made_by = {output: node.op_type for node in graph.node for output in node.output}
    products = [node for node in graph.node if node.op_type in ("MatMul", "Gemm")]
    assert {made_by[name] for node in products for name in node.input[:2]} == {"DequantizeLinear"}
    assert "Add" not in {made_by.get(node.input[0]) for node in graph.node if node.op_type == "QuantizeLinear"}
    scales = [float(numpy_helper.to_array(t).max()) for t in graph.initializer if t.name.endswith("_scale")]
    assert max(scales) < 1, "a range with -1e9 in it leaves nothing of the others"


def test_an_onnx_file_has_the_exporters_that_it_can_go_on_to() -> None:
    assert exporter_for(MASKED, "onnx") is FROM_ONNX
    assert FROM_ONNX in all_exporters()


# A file with a fixed batch.


def test_a_fixed_batch_is_calibrated_in_full_batches(tmp_path: Path) -> None:
    graph = onnx.load(_export("fp32").path)
    for value in (*graph.graph.input, *graph.graph.output):
        value.type.tensor_type.shape.dim[0].Clear()
        value.type.tensor_type.shape.dim[0].dim_value = 4
    for node in graph.graph.node:
        node.name = node.name or node.output[0]
    path = tmp_path / "fixed.onnx"
    onnx.save(graph, path)
    to_precision(path, DIGITS, "int8-static")
    file = ModelFile(path, DIGITS.inputs, DIGITS.outputs, "int8-static", (4,))
    images = DIGITS.requests()["image"][:6]
    found = runtime_for("onnx").load(file, Compute()).run({"image": images})["scores"]
    np.testing.assert_allclose(found, _export("int8-static").answers().outputs["scores"][:6], atol=1e-3)
