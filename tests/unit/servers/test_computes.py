"""What results say of what computes: of the very artifact, not of its format at large."""

from pathlib import Path

import pytest

from exporters import Manifest
from servers import STACKS
from servers.triton.installation import VARIABLE


def manifest(format: str, batch_sizes: tuple[int, ...] | None = None) -> Manifest:
    return Manifest.model_construct(format=format, batch_sizes=batch_sizes)


@pytest.fixture
def with_onnxruntime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tritonserver that has its own backend for ONNX."""
    server = tmp_path / "bin" / "tritonserver"
    server.parent.mkdir()
    server.touch(mode=0o755)
    for backend in ("python", "onnxruntime"):
        (tmp_path / "backends" / backend).mkdir(parents=True)
    monkeypatch.setenv(VARIABLE, str(server))


@pytest.mark.parametrize("name", ["triton-http", "triton-grpc"])
def test_an_artifact_that_triton_leaves_to_python_is_said_to_be_computed_there(
    with_onnxruntime: None, name: str
) -> None:
    stack = STACKS.get(name)
    assert stack.computes(manifest("onnx")) == stack.serves("onnx") == "onnxruntime backend"
    assert stack.computes(manifest("onnx", (1, 8))) == "onnxruntime in the Python backend"
    assert stack.computes(manifest("tflite")) == "litert in the Python backend"
    assert stack.computes(manifest("papyrus")) is None


@pytest.mark.parametrize("name", [name for name in STACKS.names() if not name.startswith("triton")])
def test_elsewhere_it_is_what_computes_the_format(name: str) -> None:
    stack = STACKS.get(name)
    for format in ("onnx", "savedmodel", "torchscript", "tflite", "papyrus"):
        assert stack.computes(manifest(format)) == stack.computes(manifest(format, (1,))) == stack.serves(format)
