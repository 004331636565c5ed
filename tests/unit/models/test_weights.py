import hashlib
import logging
import subprocess
from pathlib import Path

import numpy as np
import pytest

from models import Tensors
from models.weights import Weights, model_weights


class Training:
    """Counts how often it is asked, and gives other weights every time."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> Tensors:
        self.times += 1
        return {"layer.weight": np.full((2, 3), self.times, np.float32), "steps": np.array(7, np.int64)}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TAILBED_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "weights"


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a module; importing it would fail, as it does where its framework is not installed."""
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "recipe_of_toy.py").write_text("import no_such_framework\nEPOCHS = 20\n")
    return "recipe_of_toy"


def _same(first: Weights, second: Weights) -> bool:
    return first.sha256 == second.sha256 and all(
        np.array_equal(first.tensors[name], second.tensors[name]) for name in first.tensors.keys() | second.tensors
    )


def test_they_are_made_once(cache: Path, recipe: str) -> None:
    training = Training()
    first, second = (model_weights("toy", (recipe,), training) for _ in range(2))
    assert training.times == 1
    assert _same(first, second)
    assert first.tensors["layer.weight"].tolist() == [[1, 1, 1], [1, 1, 1]]
    assert first.tensors["steps"].shape == ()
    assert first.tensors["steps"].dtype == np.int64


def test_the_checksum_beside_the_file_is_one_that_sha256sum_takes(cache: Path, recipe: str) -> None:
    weights = model_weights("toy", (recipe,), Training())
    (file,) = cache.glob("toy/*/weights.safetensors")
    assert hashlib.sha256(file.read_bytes()).hexdigest() == weights.sha256
    subprocess.run(["sha256sum", "--check", "--quiet", f"{file.name}.sha256"], cwd=file.parent, check=True)


def test_a_changed_recipe_is_another_file(cache: Path, recipe: str, tmp_path: Path) -> None:
    training = Training()
    old = model_weights("toy", (recipe,), training)
    (tmp_path / "changed_recipe_of_toy.py").write_text("EPOCHS = 21\n")
    assert not _same(old, model_weights("toy", ("changed_recipe_of_toy",), training))
    assert _same(old, model_weights("toy", (recipe,), training))
    assert training.times == 2
    assert len(list(cache.glob("toy/*/weights.safetensors"))) == 2


@pytest.mark.parametrize("damage", ["flipped", "truncated", "empty", "no checksum", "no file", "garbled checksum"])
def test_damaged_weights_are_never_used(
    damage: str, cache: Path, recipe: str, caplog: pytest.LogCaptureFixture
) -> None:
    training = Training()
    model_weights("toy", (recipe,), training)
    (file,) = cache.glob("toy/*/weights.safetensors")
    content, checksum = file.read_bytes(), file.with_name(f"{file.name}.sha256")
    match damage:
        case "flipped":
            file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        case "truncated":
            file.write_bytes(content[:-5])
        case "empty":
            file.write_bytes(b"")
        case "no checksum":
            checksum.unlink()
        case "no file":
            file.unlink()
        case "garbled checksum":
            checksum.write_bytes(b"\xff\xfe")
    with caplog.at_level(logging.WARNING):
        again = model_weights("toy", (recipe,), training)
    assert training.times == 2
    assert again.tensors["layer.weight"][0, 0] == 2
    assert len(caplog.messages) == 1
    assert "the weights are made again" in caplog.messages[0]
    assert _same(again, model_weights("toy", (recipe,), training))
    assert training.times == 2


def test_a_training_that_fails_leaves_nothing(cache: Path, recipe: str) -> None:
    def fails() -> Tensors:
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        model_weights("toy", (recipe,), fails)
    assert not cache.exists()
