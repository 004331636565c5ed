"""The runtime OpenVINO: what it really computes in, what it tells of it, and files that are none."""

import shutil
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from exporters import Artifact, ArtifactStore, Compute, ModelFile, export
from exporters.openvino.library import openvino
from models import MODELS, Tensors, TensorSpec
from servers.runtimes import DeviceError, LoadedModel, RuntimeLoadError, runtime_for

DIGITS = MODELS.get("digits")
RUNTIME = runtime_for("openvino")


def _export(precision: str) -> Artifact:
    """From the session's own home, where each is made once."""
    return export(DIGITS, "openvino", precision, store=ArtifactStore(), checker=RUNTIME)


def _load(precision: str, threads: int = 1) -> LoadedModel:
    return RUNTIME.load(_export(precision).model_file, Compute(threads=threads))


def _images(batch: int = 64) -> Tensors:
    return {"image": DIGITS.requests()["image"][:batch]}


def _capabilities() -> list[str]:
    return list(openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"))


needs_bf16 = pytest.mark.skipif("BF16" not in _capabilities(), reason="this CPU does not compute in bfloat16")


@needs_bf16
def test_fp32_is_computed_in_fp32_though_the_librarys_default_is_bf16() -> None:
    artifact = _export("fp32")
    default = openvino().Core().compile_model(artifact.path / "model.xml", "CPU")
    expected = DIGITS.source("pytorch").predict(_images())["scores"]
    assert default.get_property("INFERENCE_PRECISION_HINT").to_string() == "bf16"
    trapped = float(np.abs(default(dict(_images()))["scores"] - expected).max())
    model = _load("fp32")
    assert model.facts["inference_precision"] == "f32"
    assert float(np.abs(model.run(_images())["scores"] - expected).max()) < 1e-4 < 1e-3 < trapped


@needs_bf16
def test_bf16_is_computed_in_bf16() -> None:
    model = _load("bf16")
    assert model.facts["inference_precision"] == "bf16"
    apart = np.abs(model.run(_images())["scores"] - _load("fp16").run(_images())["scores"]).max()
    assert apart > 1e-3, "the stored weights are the same, so it is what they are computed in"


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8-static", "int8-dynamic"])
def test_the_facts_tell_what_runs(precision: str) -> None:
    facts = _load(precision, threads=2).facts
    half = "f16" if precision == "fp16" and "FP16" in _capabilities() else "f32"
    assert facts["inference_precision"] == half
    assert (facts["device"], facts["streams"], facts["intra_op_threads"]) == ("CPU", "1", "2")
    assert (facts["performance_hint"], facts["pinning"], facts["cache"]) == ("LATENCY", "off", "off")
    assert facts["dynamic_quantization_group"] == ("32" if precision == "int8-dynamic" else "0")
    assert facts["optimization_capabilities"].split(",") == _capabilities()
    assert set(RUNTIME.packages) <= facts.keys()


def _kernels(artifact: Artifact, group: int) -> Iterable[tuple[str, str]]:
    settings = {"INFERENCE_PRECISION_HINT": "f32", "DYNAMIC_QUANTIZATION_GROUP_SIZE": group}
    compiled = openvino().Core().compile_model(artifact.path / "model.xml", "CPU", settings)
    for operation in compiled.get_runtime_model().get_ops():
        said = operation.get_rt_info()
        yield said["layerType"].astype(str), said["primitiveType"].astype(str).lower()


def test_static_int8_really_runs_in_int8() -> None:
    found = [
        kernel for kind, kernel in _kernels(_export("int8-static"), 0) if kind in ("Convolution", "FullyConnected")
    ]
    assert len(found) == 4
    assert all(kernel.endswith("i8") for kernel in found)


@pytest.mark.skipif("INT8" not in _capabilities(), reason="this CPU does not compute in int8")
def test_dynamic_int8_really_quantizes_the_activations() -> None:
    artifact = _export("int8-dynamic")
    weights_only = (
        openvino()
        .Core()
        .compile_model(
            artifact.path / "model.xml",
            "CPU",
            {"INFERENCE_PRECISION_HINT": "f32", "DYNAMIC_QUANTIZATION_GROUP_SIZE": 0},
        )
    )
    expected = weights_only(dict(_images()))["scores"]
    assert np.abs(_load("int8-dynamic").run(_images())["scores"] - expected).max() > 1e-3


def test_there_is_no_cuda() -> None:
    with pytest.raises(DeviceError, match=r"^openvino cannot compute on cuda: OpenVINO has no plugin for it$"):
        RUNTIME.load(_export("fp32").model_file, Compute(device="cuda"))


def test_a_requests_bytes_are_not_written_to_and_answers_stay(tmp_path: Path) -> None:
    library = openvino()
    ops = library.opset13
    port = ops.parameter([-1, 64], np.float32, name="x")
    graph = library.Model([ops.result(ops.exp(ops.relu(port)))], [port], "chain")
    graph.inputs[0].get_tensor().set_names({"x"})
    graph.outputs[0].get_tensor().set_names({"y"})
    (tmp_path / "model").mkdir()
    library.save_model(graph, tmp_path / "model" / "model.xml")
    specs = [(TensorSpec(name, "float32", ("batch", 64)),) for name in "xy"]
    model = RUNTIME.load(ModelFile(tmp_path / "model", *specs), Compute())
    content = np.full(64, -1, np.float32).tobytes()
    first = model.run({"x": np.frombuffer(content, np.float32).reshape(1, 64)})["y"]
    model.run({"x": np.ones((1, 64), np.float32)})
    assert content == np.full(64, -1, np.float32).tobytes()
    assert set(first.ravel().tolist()) == {1.0}


def test_a_fixed_batch_computes_any(tmp_path: Path) -> None:
    graph = openvino().Core().read_model(_export("fp32").path / "model.xml")
    graph.reshape({"image": [2, 1, 8, 8]})
    openvino().save_model(graph, tmp_path / "model.xml", compress_to_fp16=False)
    model = RUNTIME.load(ModelFile(tmp_path, DIGITS.inputs, DIGITS.outputs, "fp32", (2,)), Compute())
    np.testing.assert_allclose(
        model.run(_images(5))["scores"], _export("fp32").answers().outputs["scores"][:5], atol=1e-4
    )


BROKEN = {
    "a truncated graph": lambda folder: _cut(folder / "model.xml"),
    "truncated weights": lambda folder: _cut(folder / "model.bin"),
    "an empty graph": lambda folder: (folder / "model.xml").write_bytes(b""),
    "another text": lambda folder: (folder / "model.xml").write_bytes(b"hello " * 100),
    "other XML": lambda folder: (folder / "model.xml").write_bytes(b"<?xml version='1.0'?><page>no</page>"),
    "no weights": lambda folder: (folder / "model.bin").unlink(),
    "no graph": lambda folder: (folder / "model.xml").unlink(),
    "no folder": shutil.rmtree,
}


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize("broken", BROKEN)
def test_a_file_that_is_no_model_gives_one_line(broken: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "model"
    shutil.copytree(_export("fp32").path, folder)
    BROKEN[broken](folder)
    capfd.readouterr()
    with pytest.raises(RuntimeLoadError) as caught:
        RUNTIME.load(ModelFile(folder, DIGITS.inputs, DIGITS.outputs), Compute())
    assert str(caught.value).startswith(f"{folder}: not a model that OpenVINO can run (")
    assert "\n" not in str(caught.value)
    assert "core.cpp" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_an_output_that_the_file_has_not_gives_one_line() -> None:
    outputs = (TensorSpec("labels", "float32", ("batch", 10)),)
    with pytest.raises(RuntimeLoadError, match="labels"):
        RUNTIME.load(ModelFile(_export("fp32").path, DIGITS.inputs, outputs), Compute())
