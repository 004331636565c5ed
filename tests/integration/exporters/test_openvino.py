"""OpenVINO's files in every precision, from every source: what is really in them and what they compute."""

import logging
import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from exporters import TOLERANCES, Artifact, ArtifactStore, Compute, ModelFile, export, exporter_for
from exporters.openvino.library import openvino
from exporters.openvino.onnx import EXPORTER as FROM_ONNX
from exporters.openvino.representation import PRECISIONS
from models import MODELS, EvaluationSet, Model, Tensors, TensorSpec, Weights, check_tensors
from models.frameworks.onnx import ONNXSource
from servers.runtimes import runtime_for

DIGITS = MODELS.get("digits")
every_precision = pytest.mark.parametrize("precision", PRECISIONS)


def _export(precision: str, name: str = "openvino") -> Artifact:
    """From the session's own home, where each is made once."""
    return export(DIGITS, name, precision, store=ArtifactStore(), checker=runtime_for("openvino"))


def _constants(artifact: Artifact) -> dict[str, int]:
    """Elements of the weights by type."""
    kinds: dict[str, int] = {}
    for layer in ElementTree.parse(artifact.path / "model.xml").iter("layer"):
        if layer.get("type") == "Const" and (data := layer.find("data")) is not None:
            shape = [int(length) for length in (data.get("shape") or "").split(",") if length.strip()]
            kinds[data.attrib["element_type"]] = kinds.get(data.attrib["element_type"], 0) + int(np.prod(shape))
    return kinds


@every_precision
@pytest.mark.parametrize("name", ["openvino", "openvino-keras"])
def test_it_reads_digits_and_keeps_the_models_tensors(name: str, precision: str) -> None:
    artifact = _export(precision, name)
    manifest = artifact.manifest
    assert manifest.accuracy is not None
    assert manifest.accuracy > 0.98
    assert manifest.parity is not None
    assert manifest.parity.max_abs_diff <= TOLERANCES[precision] * manifest.parity.scale
    assert sorted(path.name for path in artifact.path.iterdir()) == ["model.bin", "model.xml"]
    model = runtime_for("openvino").load(artifact.model_file, Compute())
    expected = artifact.answers().outputs["scores"]
    for batch in (1, 3, 8):
        outputs = model.run({"image": DIGITS.requests()["image"][:batch]})
        check_tensors(DIGITS.outputs, outputs)
        np.testing.assert_allclose(outputs["scores"], expected[:batch], atol=manifest.answer_tolerance["scores"])


def test_the_weights_are_really_smaller() -> None:
    sizes = {precision: (_export(precision).path / "model.bin").stat().st_size for precision in PRECISIONS}
    assert max(sizes["fp16"], sizes["bf16"]) < 0.51 * sizes["fp32"]
    assert max(sizes["int8-dynamic"], sizes["int8-static"]) < 0.3 * sizes["fp32"]
    parameters = _constants(_export("fp32"))["f32"]
    for precision in ("fp16", "bf16"):
        assert _constants(_export(precision))["f16"] == parameters
    assert _constants(_export("int8-dynamic"))["u8"] > 0.99 * parameters
    assert _constants(_export("int8-static"))["i8"] > 0.99 * parameters


def test_the_manifest_tells_what_was_quantized() -> None:
    static, dynamic = (_export(precision).manifest.settings for precision in ("int8-static", "int8-dynamic"))
    assert static["calibration"] == "minimum and maximum over 256 items"
    assert (static["activations"], static["model_type"]) == ("preset performance", "none")
    assert dynamic["convolutions"].startswith("2, computed in fp32")
    assert _export("fp32").manifest.settings == {"weights": "float32"}


def _input_range(path: Path) -> float:
    graph = openvino().Core().read_model(path / "model.xml")
    quantize = next(
        operation
        for operation in graph.get_ordered_ops()
        if operation.get_type_name() == "FakeQuantize" and operation.input_value(0).get_node() in graph.get_parameters()
    )
    return float(quantize.input_value(2).get_node().data.max())


def test_ranges_come_from_the_calibration_set_alone(tmp_path: Path) -> None:
    assert DIGITS.calibration is not None
    images, source = DIGITS.calibration()["image"][:8], DIGITS.source("pytorch")
    ranges = []
    for factor in (1, 4):
        model = replace(
            DIGITS,
            calibration=lambda factor=factor: {"image": images * np.float32(factor)},
            evaluation=_untouched,
        )
        path = tmp_path / f"{factor}"
        exporter_for(DIGITS, "openvino").write(model, source, "int8-static", path)
        ranges.append(_input_range(path))
    assert ranges[0] == pytest.approx(float(images.max()), rel=1e-3)
    assert ranges[1] == pytest.approx(4 * ranges[0], rel=1e-3)


def _untouched() -> Any:
    raise AssertionError("only the calibration set is to be used")


@pytest.mark.parametrize("precision", ["fp32", "int8-dynamic", "int8-static"])
def test_nothing_is_said_that_no_user_can_act_on(
    precision: str, tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    source = DIGITS.source("pytorch")
    capfd.readouterr()
    with caplog.at_level(logging.WARNING):
        exporter_for(DIGITS, "openvino").write(DIGITS, source, precision, tmp_path / "model")
    assert capfd.readouterr() == ("", "")
    assert caplog.messages == []


_OFFLINE = """
import socket, sys
from pathlib import Path
def refuse(*arguments):
    print("connects", arguments[1:])
    raise OSError("offline")
socket.socket.connect = socket.getaddrinfo = refuse
from exporters.openvino.library import nncf, openvino
from models import MODELS
library = openvino()
graph = library.convert_model(sys.argv[1])
nncf().quantize(graph, nncf().Dataset([{key: array[:1] for key, array in MODELS.get("digits").calibration().items()}]))
library.Core().compile_model(graph, "CPU")
import openvino.tools.ovc.telemetry_utils, nncf.telemetry.wrapper
print(openvino.tools.ovc.telemetry_utils.tm.__name__, type(nncf.telemetry.wrapper.telemetry).__name__)
"""


def test_the_libraries_send_nothing_and_leave_nothing_at_home(tmp_path: Path) -> None:
    fp32 = export(DIGITS, "onnx", store=ArtifactStore(), checker=runtime_for("onnx")).path
    environment = {name: value for name, value in os.environ.items() if name not in ("CI", "TF_BUILD", "JENKINS_URL")}
    done = subprocess.run(
        [sys.executable, "-c", _OFFLINE, str(fp32)],
        env={**environment, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    said = done.stdout.splitlines()
    assert not [line for line in said if line.startswith("connects")]
    assert said[-1] == "openvino.tools.ovc.telemetry_stub MagicMock", done.stderr
    assert not (tmp_path / "intel").exists()


# A user's own ONNX file: two inputs, attention, two outputs.

INPUTS = (TensorSpec("left", "float32", ("batch", 4, 32)), TensorSpec("right", "float32", ("batch", 4, 32)))
OUTPUTS = (TensorSpec("scores", "float32", ("batch", 4, 32)), TensorSpec("total", "float32", ("batch", 4, 32)))


def _items(items: int = 32, seed: int = 0) -> Tensors:
    random = np.random.default_rng(seed)
    return {spec.name: random.normal(size=(items, 4, 32)).astype(np.float32) for spec in INPUTS}


PAIR = Model(
    "pair",
    "attention of one on the other",
    INPUTS,
    OUTPUTS,
    lambda: EvaluationSet(_items(), None),
    _items,
    ("onnx",),
    calibration=lambda: _items(100, seed=1),
)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> ONNXSource:
    random, make = np.random.default_rng(0), helper.make_node
    weights = [numpy_helper.from_array((random.normal(size=(32, 32)) / 6).astype(np.float32), name) for name in "qkv"]
    nodes = [
        make("MatMul", ["left", "q"], ["xq"]),
        make("MatMul", ["right", "k"], ["xk"]),
        make("MatMul", ["right", "v"], ["xv"]),
        make("Transpose", ["xk"], ["keys"], perm=[0, 2, 1]),
        make("MatMul", ["xq", "keys"], ["products"]),
        make("Softmax", ["products"], ["shares"], axis=-1),
        make("MatMul", ["shares", "xv"], ["scores"]),
        make("Add", ["left", "right"], ["total"]),
    ]
    inputs, outputs = (
        [helper.make_tensor_value_info(spec.name, TensorProto.FLOAT, spec.shape) for spec in specs]
        for specs in (INPUTS, OUTPUTS)
    )
    graph = helper.make_graph(nodes, "pair", inputs, outputs, weights)
    path = tmp_path_factory.mktemp("user") / "pair.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return ONNXSource(path, INPUTS, OUTPUTS, Weights({}, "a" * 64, "imported"))


@every_precision
def test_a_users_file_goes_on_in_every_precision(precision: str, pair: ONNXSource, tmp_path: Path) -> None:
    path = tmp_path / FROM_ONNX.filename
    settings = FROM_ONNX.write(PAIR, pair, precision, path)
    if precision == "int8-static":
        assert (settings["model_type"], settings["activations"]) == ("transformer", "preset mixed")
    model = runtime_for("openvino").load(ModelFile(path, INPUTS, OUTPUTS, precision), Compute())
    for batch in (1, 3, 8):
        inputs = {name: array[:batch] for name, array in _items(seed=2).items()}
        expected, found = pair.predict(inputs), model.run(inputs)
        check_tensors(OUTPUTS, found)
        for name, array in expected.items():
            bound = TOLERANCES[precision] * max(1, float(np.abs(array).max()))
            np.testing.assert_allclose(found[name], array, atol=bound)
