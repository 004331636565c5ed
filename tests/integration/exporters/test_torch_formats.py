"""PyTorch's own formats, written from digits and from a small model with two integer inputs."""

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

from exporters import ModelFile, exporter_for
from exporters.checker import Compute
from exporters.inductor import BATCH_SIZES, MissingCompiler
from models import MODELS, EvaluationSet, Model, Tensors, TensorSpec
from models.weights import Weights
from servers.runtimes import runtime_for
from tests.conftest import Exported

FLOATS = [("torchscript", "fp16"), ("torchscript", "bf16"), ("torch-export", "fp32"), ("torch-export", "fp16")]
QUANTIZED = [("torch-export", "int8-static"), ("aotinductor", "int8-static"), ("aotinductor", "fp32")]
ALL = [*FLOATS, ("torch-export", "bf16"), *QUANTIZED, ("torch-weights", "fp32"), ("torch-weights", "bf16")]


@pytest.mark.parametrize(("format", "precision"), ALL)
def test_digits_reads_as_well_in_every_format(format: str, precision: str, digits: Exported) -> None:
    manifest = digits[f"{format}/{precision}"].manifest
    assert manifest.accuracy is not None
    assert manifest.accuracy >= 0.98
    assert manifest.parity is not None
    if precision != "fp32":
        assert manifest.parity.max_abs_diff > 0, "it is computed in another precision"


@pytest.mark.parametrize(
    ("format", "precision", "share"),
    [
        ("torchscript", "bf16", 0.7),
        ("torch-export", "bf16", 0.7),
        ("torch-weights", "bf16", 0.6),
        # Only with the float32 weights removed.
        ("torch-export", "int8-static", 0.5),
    ],
)
def test_a_smaller_precision_is_a_smaller_file(format: str, precision: str, share: float, digits: Exported) -> None:
    small, whole = digits[f"{format}/{precision}"].manifest, digits[f"{format}/fp32"].manifest
    assert small.size_bytes < share * whole.size_bytes


def test_a_program_keeps_two_items_of_the_requests_and_not_the_pool(digits: Exported) -> None:
    with zipfile.ZipFile(digits["torch-export/fp32"].path) as archive:
        examples = next(entry for entry in archive.infolist() if "sample_inputs" in entry.filename)
    assert examples.file_size < 10_000


def test_the_manifest_of_native_code_says_what_it_needs(digits: Exported) -> None:
    manifest = digits["aotinductor/int8-static"].manifest
    assert manifest.batch_sizes == BATCH_SIZES
    assert manifest.settings["instruction_set"].split()
    assert manifest.settings["calibration_items"] == "256"
    with zipfile.ZipFile(digits["aotinductor/int8-static"].path) as archive:
        told = [json.loads(archive.read(name)) for name in archive.namelist() if name.endswith("wrapper_metadata.json")]
    assert [entry["AOTI_CPU_ISA"].lower() for entry in told] == [manifest.settings["instruction_set"]] * 2


def test_without_a_compiler_there_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    digits = MODELS.get("digits")
    with pytest.raises(MissingCompiler, match=r"a C\+\+ compiler, and there is no 'no-such-compiler'"):
        exporter_for(digits, "aotinductor").write(digits, digits.source("pytorch"), "fp32", tmp_path / "model.pt2")
    assert list(tmp_path.iterdir()) == []


# Two int32 inputs that share the batch axis, as a language model has them.


def _tokens(items: int = 8) -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    return {
        "ids": random.integers(0, 20, (items, 6)).astype(np.int32),
        "mask": (np.arange(6) < random.integers(1, 7, (items, 1))).astype(np.int32),
    }


class _Source:
    framework = "pytorch"
    versions: Mapping[str, str] = MappingProxyType({})
    weights = Weights({}, "a" * 64, "made up")

    def __init__(self, module: Any) -> None:
        self.module = module

    def predict(self, inputs: Tensors) -> dict[str, np.ndarray]:
        import torch

        with torch.no_grad():
            return {"scores": self.module(*(torch.tensor(inputs[name]) for name in ("ids", "mask"))).numpy()}


WORDS = Model(
    name="words",
    summary="",
    inputs=(TensorSpec("ids", "int32", ("batch", 6)), TensorSpec("mask", "int32", ("batch", 6))),
    outputs=(TensorSpec("scores", "float32", ("batch", 3)),),
    evaluation=lambda: EvaluationSet(_tokens(), None),
    requests=_tokens,
    frameworks=("pytorch",),
    calibration=_tokens,
)


@pytest.fixture(scope="module")
def words() -> _Source:
    import torch

    class Words(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = torch.nn.Embedding(20, 16)
            self.scores = torch.nn.Linear(16, 3)

        def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            weight = mask.unsqueeze(-1).to(self.table.weight.dtype)
            return self.scores((self.table(ids) * weight).sum(1) / weight.sum(1))

    torch.manual_seed(0)
    return _Source(Words().eval())


@pytest.mark.parametrize(
    ("format", "precision", "tolerance"),
    [
        ("torchscript", "bf16", 0.02),
        ("torch-export", "fp32", 1e-5),
        ("torch-export", "bf16", 0.02),
        ("aotinductor", "bf16", 0.02),
        ("torch-export", "int8-dynamic", 0.05),
    ],
)
def test_integer_inputs_stay_integers(
    format: str, precision: str, tolerance: float, words: _Source, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    exporter = exporter_for(WORDS, format)
    path = tmp_path / exporter.filename
    exporter.write(WORDS, words, precision, path)
    file = ModelFile(path, WORDS.inputs, WORDS.outputs, precision, exporter.batch_sizes)
    loaded = runtime_for(format).load(file, Compute())
    for batch in (1, 3):
        inputs = _tokens(batch)
        found = loaded.run(inputs)["scores"]
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, words.predict(inputs)["scores"], atol=tolerance)
    assert list(tmp_path.iterdir()) == [path]
    assert capfd.readouterr() == ("", "")
