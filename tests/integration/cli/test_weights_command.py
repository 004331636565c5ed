from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from click.testing import CliRunner

from models import MODELS, UnknownName
from models.bert.architecture import ARCHITECTURES
from models.bert.initialization import initialize
from models.weights import WeightsError
from tailbed.cli.export import export
from tailbed.cli.weights import weights


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAILBED_HOME", str(tmp_path / "home"))


def test_a_file_and_back(tmp_path: Path) -> None:
    path = tmp_path / "half.safetensors"
    tensors = initialize(ARCHITECTURES["bert-mini"])
    safetensors.numpy.save_file({name: array.astype(np.float16) for name, array in tensors.items()}, path)
    result = CliRunner().invoke(weights, ["bert-mini", str(path)], catch_exceptions=False)
    assert result.exit_code == 0
    found = MODELS.get("bert-mini").weights()
    assert result.stdout == f"bert-mini has the weights of file half.safetensors, SHA-256 {found.sha256}\n"
    assert np.array_equal(found.tensors["classifier.bias"], tensors["classifier.bias"].astype(np.float16))
    result = CliRunner().invoke(weights, ["bert-mini", "default"], catch_exceptions=False)
    assert result.stdout == "bert-mini has its default weights\n"
    assert MODELS.get("bert-mini").weights().origin == "random, seed 0"


def test_what_does_not_fit_is_told(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    safetensors.numpy.save_file({"classifier.weight": np.zeros((3, 256), np.float32)}, path)
    result = CliRunner().invoke(weights, ["bert-mini", str(path)])
    assert isinstance(result.exception, WeightsError)
    assert str(result.exception) == (
        f"{path}: tensor 'classifier.weight' has shape [3, 256], bert-mini expects [2, 256]"
    )


def test_an_export_of_an_unknown_format_chooses_no_weights(tmp_path: Path) -> None:
    path = tmp_path / "chosen.safetensors"
    safetensors.numpy.save_file(dict(initialize(ARCHITECTURES["bert-mini"])), path)
    result = CliRunner().invoke(export, ["bert-mini", "--to", "onxx", "--weights", str(path)])
    assert isinstance(result.exception, UnknownName)
    assert not (tmp_path / "home" / "weights").exists()
