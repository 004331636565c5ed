"""The runtime ONNX Runtime: devices, what it tells of itself, and files that are none."""

from pathlib import Path

import numpy as np
import onnx
import pytest

from exporters import Artifact, ArtifactStore, Compute, ModelFile, export
from exporters.cpu_features import cpu_features
from models import MODELS
from servers.runtimes import DeviceError, RuntimeLoadError, runtime_for

DIGITS = MODELS.get("digits")
RUNTIME = runtime_for("onnx")


def _export(precision: str = "fp32") -> Artifact:
    """From the session's own home, where each is made once."""
    return export(DIGITS, "onnx", precision, store=ArtifactStore(), checker=RUNTIME)


def _providers() -> list[str]:
    import onnxruntime

    return list(onnxruntime.get_available_providers())


@pytest.mark.skipif("CUDAExecutionProvider" in _providers(), reason="this build has CUDA")
def test_a_build_without_cuda_says_so_in_a_line() -> None:
    with pytest.raises(DeviceError, match=r"^onnxruntime cannot compute on cuda: this build has no CUDAExec") as caught:
        RUNTIME.load(_export().model_file, Compute(device="cuda"))
    assert "\n" not in str(caught.value)


def test_a_gpu_that_does_not_start_is_no_silent_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    import onnxruntime

    # As a build with CUDA does on a machine without a GPU: it lists the provider, and its session falls back.
    session = onnxruntime.InferenceSession
    monkeypatch.setattr(
        onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"]
    )
    monkeypatch.setattr(
        onnxruntime,
        "InferenceSession",
        lambda path, options, providers: session(path, options, providers=providers[-1:]),
    )
    with pytest.raises(DeviceError, match=r"cannot compute on cuda: CUDAExecutionProvider does not start"):
        RUNTIME.load(_export().model_file, Compute(device="cuda"))


def test_an_unknown_device_is_named() -> None:
    with pytest.raises(DeviceError, match="onnxruntime cannot compute on tpu: it knows cpu and cuda"):
        RUNTIME.load(_export().model_file, Compute(device="tpu"))


@pytest.mark.parametrize("precision", ["fp32", "int8-static"])
def test_the_facts_tell_what_runs(precision: str) -> None:
    facts = RUNTIME.load(_export(precision).model_file, Compute(threads=2)).facts
    assert facts["providers"] == "CPUExecutionProvider"
    assert (facts["precision"], facts["graph_optimization"]) == (precision, "all")
    assert facts["cpu_features"] == (",".join(cpu_features()) or "unknown")
    assert (facts["intra_op_threads"], facts["inter_op_threads"]) == ("2", "1")


def test_a_node_that_it_cannot_run_gives_one_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    graph = onnx.load(_export().path)
    graph.graph.node[0].op_type = "Convolve"
    path = tmp_path / "model.onnx"
    onnx.save(graph, path)
    capfd.readouterr()
    with pytest.raises(RuntimeLoadError, match="Convolve") as caught:
        RUNTIME.load(ModelFile(path, DIGITS.inputs, DIGITS.outputs), Compute())
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.99])
def test_a_truncated_file_gives_one_line(share: float, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    content = _export("int8-static").path.read_bytes()
    path = tmp_path / "model.onnx"
    path.write_bytes(content[: int(share * len(content))])
    capfd.readouterr()
    with pytest.raises(RuntimeLoadError) as caught:
        RUNTIME.load(ModelFile(path, DIGITS.inputs, DIGITS.outputs), Compute())
    assert str(caught.value).startswith(f"{path}: not an ONNX model")
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_fp16_is_computed_in_fp32_on_this_cpu(tmp_path: Path) -> None:
    """What the documentation says of fp16: ONNX Runtime has no such kernels on x86-64."""
    import onnxruntime

    if "avx2" not in cpu_features():
        pytest.skip("not an x86-64")
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimized.onnx")
    options.log_severity_level = 4
    onnxruntime.InferenceSession(str(_export("fp16").path), options, providers=["CPUExecutionProvider"])
    weights = onnx.load(tmp_path / "optimized.onnx").graph.initializer
    assert {tensor.data_type for tensor in weights if np.prod(tensor.dims) > 100} == {onnx.TensorProto.FLOAT}
