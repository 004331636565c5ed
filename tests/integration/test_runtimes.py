"""Every runtime on a real file of each format that it loads, written by our exporter from a small module."""

import logging
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from exporters import Compute, Exporter, ModelFile, all_exporters
from models import EvaluationSet, Model, TensorSpec, UnknownName, Weights
from servers.runtimes import RUNTIMES, LoadedModel, RuntimeLoadError, runtime_for

INPUTS = (TensorSpec("left", "float32", ("batch", 3)), TensorSpec("right", "float32", ("batch", 3)))
OUTPUTS = (TensorSpec("difference", "float32", ("batch", 3)), TensorSpec("sum", "float32", ("batch", 3)))


def _pool() -> dict[str, np.ndarray]:
    return {spec.name: np.ones((4, 3), np.float32) for spec in INPUTS}


MODEL = Model("pair", "two in, two out", INPUTS, OUTPUTS, lambda: EvaluationSet(_pool(), None), _pool, ("pytorch",))


PYTORCH: dict[str, Exporter] = {
    exporter.format: exporter for exporter in all_exporters() if exporter.framework == "pytorch"
}
FORMATS = ["onnx", "torchscript"]
"""Those that any module of PyTorch can be written in, whatever it does to its inputs."""


@dataclass
class _Source:
    module: Any
    framework: str = "pytorch"
    weights: Weights = field(default_factory=lambda: Weights({}, "", ""))
    versions: Mapping[str, str] = field(default_factory=dict)

    def predict(self, inputs: Any) -> dict[str, np.ndarray]:
        raise NotImplementedError


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A module that overwrites its input, in every format that PyTorch is exported to."""
    import torch

    class Pair(torch.nn.Module):
        def forward(self, left: torch.Tensor, right: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            total = left + right
            return left.sub_(right), total

    paths = {}
    for format in FORMATS:
        exporter = PYTORCH[format]
        paths[format] = tmp_path_factory.mktemp(format) / exporter.filename
        exporter.write(MODEL, _Source(Pair().eval()), "fp32", paths[format])
    return paths


every_format = pytest.mark.parametrize("format", FORMATS)


def _load(path: Path, format: str, threads: int = 1) -> LoadedModel:
    return runtime_for(format).load(ModelFile(path, INPUTS, OUTPUTS), Compute(threads=threads))


@every_format
@pytest.mark.parametrize("batch", [1, 3, 8])
def test_inputs_and_outputs_keep_their_names_at_any_batch_size(format: str, batch: int, files: dict[str, Path]) -> None:
    left, right = np.random.default_rng(batch).normal(size=(2, batch, 3)).astype(np.float32)
    outputs = _load(files[format], format).run({"right": right, "left": left.copy()})
    assert list(outputs) == ["difference", "sum"]
    np.testing.assert_allclose(outputs["difference"], left - right, rtol=1e-6)
    np.testing.assert_allclose(outputs["sum"], left + right, rtol=1e-6)
    assert {array.dtype for array in outputs.values()} == {np.dtype(np.float32)}


@every_format
def test_a_requests_bytes_are_not_written_to(format: str, files: dict[str, Path]) -> None:
    content = np.arange(3, dtype=np.float32).tobytes()
    left = np.frombuffer(content, np.float32).reshape(1, 3)
    outputs = _load(files[format], format).run({"left": left, "right": np.ones((1, 3), np.float32)})
    assert outputs["difference"].tolist() == [[-1, 0, 1]]
    assert content == np.arange(3, dtype=np.float32).tobytes()


@every_format
def test_outputs_stay_when_the_next_ones_are_computed(format: str, files: dict[str, Path]) -> None:
    loaded = _load(files[format], format)
    first, second = (
        loaded.run({name: np.full((1, 3), value, np.float32) for name in ("left", "right")}) for value in (1, 2)
    )
    assert (first["sum"].tolist(), second["sum"].tolist()) == ([[2, 2, 2]], [[4, 4, 4]])


@every_format
@pytest.mark.parametrize("content", ["truncated", "empty", "text", "missing"])
def test_a_file_that_is_no_model_gives_one_line(
    format: str, content: str, files: dict[str, Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path, whole = tmp_path / "model", files[format].read_bytes()
    if content != "missing":
        path.write_bytes({"truncated": whole[: len(whole) // 2], "empty": b"", "text": b"hello " * 100}[content])
    with pytest.raises(RuntimeLoadError) as caught:
        _load(path, format)
    assert str(caught.value).startswith(f"{path}: not ")
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


@every_format
def test_the_facts_tell_what_runs(format: str, files: dict[str, Path]) -> None:
    facts = _load(files[format], format, threads=2).facts
    assert facts["intra_op_threads"] == "2"
    assert facts["inter_op_threads"] == "1"
    assert set(runtime_for(format).packages) <= facts.keys()


def test_torch_computes_with_the_threads_asked_for(files: dict[str, Path]) -> None:
    import torch

    for threads in (2, 1):
        _load(files["torchscript"], "torchscript", threads)
        assert torch.get_num_threads() == threads


THREADS = """
import sys
from pathlib import Path
import psutil
from tests.integration.test_runtimes import _load
_load(Path(sys.argv[1]), "onnx")  # what the library itself starts is there from now on
counts = [psutil.Process().num_threads()]
kept = []
for threads in (1, 3):
    kept.append(_load(Path(sys.argv[1]), "onnx", threads=threads))
    counts.append(psutil.Process().num_threads())
print(*counts)
"""


def test_onnx_runtime_starts_the_threads_asked_for(files: dict[str, Path]) -> None:
    """In a process of its own, where no thread of another test ends meanwhile."""
    done = subprocess.run(
        [sys.executable, "-c", THREADS, str(files["onnx"])], capture_output=True, text=True, check=True
    )
    before, alone, pooled = map(int, done.stdout.split())
    assert alone == before
    assert pooled == before + 2, "the calling thread is the third"


@pytest.mark.parametrize("name", RUNTIMES.names())
def test_a_runtime_is_found_by_each_of_its_formats(name: str) -> None:
    runtime = RUNTIMES.get(name)
    assert runtime.name == name
    assert runtime.formats
    assert all(runtime_for(format) is runtime for format in runtime.formats)


def test_an_unknown_format_lists_the_known_ones() -> None:
    with pytest.raises(UnknownName, match="no runtime loads the format 'xml': choose from aotinductor, jax-export, "):
        runtime_for("xml")


@every_format
def test_an_exporter_says_nothing_that_no_user_can_act_on(
    format: str, tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    import torch

    class Sum(torch.nn.Module):
        def forward(self, left: torch.Tensor, right: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return left - right, left + right

    with caplog.at_level(logging.WARNING):
        PYTORCH[format].write(MODEL, _Source(Sum().eval()), "fp32", tmp_path / "model")
    assert capfd.readouterr() == ("", "")
    assert caplog.messages == []
