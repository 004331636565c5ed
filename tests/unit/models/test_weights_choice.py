import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
import safetensors
import safetensors.numpy

from models import MODELS, Model, TailbedError, Tensors
from models.weights import WeightsError, identity
from models.weights.choice import choose_weights
from tests.unit.models.weights_family import OWN, toy_model

OTHER = {"dense.weight": np.arange(6, dtype=np.float32).reshape(2, 3), "dense.bias": np.array([1, -1], np.float32)}


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Model:
    return toy_model(tmp_path, monkeypatch)


def written(folder: Path, tensors: Tensors, name: str = "mine.safetensors") -> str:
    path = folder / name
    safetensors.numpy.save_file(dict(tensors), path)
    return str(path)


def same(found: Tensors, expected: Tensors) -> bool:
    return found.keys() == expected.keys() and all(
        array.dtype == np.float32 and np.array_equal(array, expected[name]) for name, array in found.items()
    )


def refusal(model: Model, chosen: str) -> str:
    """The one line of the refusal, after which the model's weights are what they were."""
    before = identity(model)
    with pytest.raises(WeightsError) as raised:
        choose_weights(model, chosen)
    assert identity(model) == before
    line = str(raised.value)
    assert "\n" not in line
    return line


def test_chosen_weights_are_the_models_until_it_goes_back(model: Model, tmp_path: Path) -> None:
    own = model.weights()
    assert (own.origin, same(own.tensors, OWN)) == ("random, seed 0", True)
    chosen = choose_weights(model, written(tmp_path, OTHER))
    assert chosen is not None
    found = model.weights()
    assert same(found.tensors, OTHER)
    assert same(chosen.tensors, OTHER)
    assert (found.sha256, found.origin) == (chosen.sha256, "file mine.safetensors")
    assert choose_weights(model, "default") is None
    assert model.weights().sha256 == own.sha256
    choose_weights(model, "default")  # once more changes nothing
    assert same(model.weights().tensors, OWN)


def test_identity_is_that_of_the_weights_that_it_gives(model: Model, tmp_path: Path) -> None:
    assert identity(model) == ""
    own = model.weights().sha256
    assert identity(model) == own
    seen = {own}
    for number in range(2):
        tensors = {name: array + number for name, array in OTHER.items()}
        choose_weights(model, written(tmp_path, tensors))
        assert identity(model) == model.weights().sha256
        seen.add(identity(model))
    assert len(seen) == 3
    choose_weights(model, "default")
    assert identity(model) == own
    assert "toy_family.recipe" not in sys.modules


def test_identity_of_digits_imports_no_framework(tmp_path: Path) -> None:
    script = (
        "import sys; from models import MODELS; from models.weights import identity; "
        "identity(MODELS.get('digits')); print(sorted({'torch', 'sklearn', 'safetensors'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_weights_of_another_origin_are_other_weights(model: Model, tmp_path: Path) -> None:
    one = choose_weights(model, written(tmp_path, OTHER, "one.safetensors"))
    other = choose_weights(model, written(tmp_path, OTHER, "other.safetensors"))
    assert one is not None
    assert other is not None
    assert one.sha256 != other.sha256


def test_chosen_before_its_own_are_made(model: Model, tmp_path: Path) -> None:
    choose_weights(model, written(tmp_path, OTHER))
    assert same(model.weights().tensors, OTHER)


@pytest.mark.parametrize("dtype", [np.float64, np.float16, ml_dtypes.bfloat16])
def test_floating_point_numbers_become_float32(dtype: type, model: Model, tmp_path: Path) -> None:
    values = {name: (array * 1.37).astype(dtype) for name, array in OTHER.items()}
    choose_weights(model, written(tmp_path, values))
    assert same(model.weights().tensors, {name: array.astype(np.float32) for name, array in values.items()})


def test_foreign_names_are_mapped_and_some_ignored(model: Model, tmp_path: Path) -> None:
    foreign = {"old.dense.weight": OTHER["dense.weight"], "dense.bias": OTHER["dense.bias"]}
    choose_weights(model, written(tmp_path, {**foreign, "dense.steps": np.array(7)}))
    assert same(model.weights().tensors, OTHER)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"dense.bias": None}, "missing tensor 'dense.bias' of shape [2]"),
        ({"dense.bias": None, "dense.weight": None}, "missing tensor 'dense.weight' of shape [2, 3] and 1 more"),
        ({"head.weight": np.zeros(2, np.float32)}, "unknown tensor 'head.weight': toy has dense.weight, dense.bias"),
        ({"dense.bias": np.zeros(3, np.float32)}, "tensor 'dense.bias' has shape [3], toy expects [2]"),
        ({"dense.bias": np.zeros(2, np.int8)}, "tensor 'dense.bias' has dtype I8, expected F32"),
        ({"dense.bias": np.array([0, np.nan], np.float32)}, "tensor 'dense.bias' has 1 values that are not finite"),
        ({"dense.bias": np.array([1e300, -1e300])}, "tensor 'dense.bias' has 2 values that are not finite"),
        ({"old.dense.bias": np.zeros(2, np.float32)}, "is there twice, under another name of 'dense.bias'"),
    ],
)
def test_tensors_that_do_not_fit_are_named(
    changes: dict[str, np.ndarray | None], expected: str, model: Model, tmp_path: Path
) -> None:
    choose_weights(model, written(tmp_path, OTHER))
    tensors = {name: array for name, array in {**OTHER, **changes}.items() if array is not None}
    path = written(tmp_path, tensors, "wrong.safetensors")
    line = refusal(model, path)
    assert line.startswith(path)
    assert expected in line


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"", "not a safetensors file"), (b"hello, world", "not a safetensors file"), (None, "No such file")],
)
def test_a_file_of_another_kind(content: bytes | None, expected: str, model: Model, tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    if content is not None:
        path.write_bytes(content)
    assert expected in refusal(model, str(path))


def test_a_truncated_file_and_a_folder(model: Model, tmp_path: Path) -> None:
    path = Path(written(tmp_path, OTHER))
    path.write_bytes(path.read_bytes()[:-3])
    assert "not a safetensors file, or a damaged one" in refusal(model, str(path))
    assert "Is a directory" in refusal(model, str(tmp_path))


class Trap:
    """Runs code when it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (Path("sprung"),)  # type: ignore[return-value]


@pytest.mark.parametrize("name", ["model.pt", "pytorch_model.bin", "last.ckpt", "renamed.safetensors"])
def test_pickles_are_refused_unread(name: str, model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes(pickle.dumps(Trap()))
    line = refusal(model, name)
    assert "convert them to safetensors" in line
    assert not Path("sprung").exists()
    with zipfile.ZipFile(tmp_path / name, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(Trap()))
    assert "convert them to safetensors" in refusal(model, name)


@pytest.mark.parametrize("nested", [False, True])
def test_the_conversion_that_the_refusal_gives_works(nested: bool, model: Model, tmp_path: Path) -> None:
    import torch

    tensors = {name: torch.tensor(array) for name, array in OTHER.items()}
    tensors["dense.weight"] = tensors["dense.weight"].T.contiguous().T  # not contiguous, as some are
    path = tmp_path / "it is mine.pt"
    torch.save({"epoch": 3, "state_dict": tensors} if nested else tensors, path)
    line = refusal(model, str(path))
    command = line[line.index("python -c") :].replace("python", sys.executable, 1)
    subprocess.run(command, shell=True, check=True, capture_output=True)
    choose_weights(model, str(path.with_suffix(".safetensors")))
    assert same(model.weights().tensors, OTHER)


@pytest.mark.parametrize("damage", ["flipped", "no checksum", "no file"])
def test_damaged_chosen_weights_are_told_and_not_replaced(damage: str, model: Model, tmp_path: Path) -> None:
    choose_weights(model, written(tmp_path, OTHER))
    (file,) = (tmp_path / "home").glob("weights/toy/chosen/*.safetensors")
    content = file.read_bytes()
    match damage:
        case "flipped":
            file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        case "no checksum":
            file.with_name(f"{file.name}.sha256").unlink()
        case "no file":
            file.unlink()
    with pytest.raises(WeightsError, match="tailbed weights toy default") as raised:
        model.weights()
    assert "\n" not in str(raised.value)
    choose_weights(model, "default")
    assert same(model.weights().tensors, OWN)


def test_a_model_without_names_takes_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = toy_model(tmp_path, monkeypatch, without=("names.py",))
    assert "takes no other weights" in refusal(model, written(tmp_path, OTHER))


def test_digits_and_its_own_weights_fit_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the family says of its tensors is what training gives, less what no output depends on."""
    from models.digits import network

    module = network.build()
    trained = {name: tensor.numpy() + 0.25 for name, tensor in module.state_dict().items() if tensor.ndim}
    counters = {name: tensor.numpy() for name, tensor in module.state_dict().items() if not tensor.ndim}
    assert counters
    monkeypatch.setenv("TAILBED_HOME", str(tmp_path / "home"))
    digits = MODELS.get("digits")
    choose_weights(digits, written(tmp_path, {**trained, **counters}))
    weights = digits.weights()
    assert same(weights.tensors, trained)
    inputs = {"image": np.random.default_rng(0).random((3, 1, 8, 8), dtype=np.float32)}
    found, expected = (digits.build(name, weights).predict(inputs)["scores"] for name in ("pytorch", "jax"))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_digits_is_on_no_hub() -> None:
    with pytest.raises(TailbedError, match="no repository of the hub is known to fit digits"):
        choose_weights(MODELS.get("digits"), "hub")
