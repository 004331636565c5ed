"""The runtimes of PyTorch's formats: any batch size, devices, damaged and dangerous files."""

import json
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from exporters import ModelFile
from exporters.checker import Compute
from exporters.inductor import compiling
from models import MODELS
from servers.runtimes import DeviceError, LoadedModel, RuntimeLoadError, runtime_for
from servers.runtimes.torch_export.graph import GraphError, check_graph
from tests.conftest import Exported

REFS = ["torchscript/fp32", "torch-export/fp32", "torch-export/int8-static", "aotinductor/fp32", "torch-weights/fp32"]
FORMATS = ["torchscript", "torch-export", "aotinductor", "torch-weights"]
NAMES = {"torch-weights": "torch-compile"}


def _load(digits: Exported, ref: str, path: Path | None = None, device: str = "cpu") -> LoadedModel:
    artifact = digits[ref]
    manifest = artifact.manifest
    file = ModelFile(path or artifact.path, manifest.inputs, manifest.outputs, manifest.precision, manifest.batch_sizes)
    return runtime_for(manifest.format).load(file, Compute(device=device))


@pytest.fixture(scope="module")
def loaded(digits: Exported) -> dict[str, LoadedModel]:
    return {ref: _load(digits, ref) for ref in REFS}


@pytest.mark.parametrize("ref", REFS)
@pytest.mark.parametrize("batch", [1, 3, 8, 17])
def test_any_batch_size_is_computed_item_by_item(
    ref: str, batch: int, loaded: dict[str, LoadedModel], digits: Exported
) -> None:
    answers = digits[ref].answers()
    images = answers.inputs["image"][:batch]
    read_only = np.frombuffer(images.tobytes(), np.float32).reshape(images.shape)
    scores = loaded[ref].run({"image": read_only})["scores"]
    np.testing.assert_allclose(scores, answers.outputs["scores"][:batch], atol=1e-4 if "fp32" in ref else 1.0)
    assert read_only.tobytes() == images.tobytes()


@pytest.mark.parametrize("ref", REFS)
def test_the_layout_of_an_input_does_not_matter(ref: str, loaded: dict[str, LoadedModel], digits: Exported) -> None:
    images = digits[ref].answers().inputs["image"][:8]
    turned = np.asfortranarray(images)
    expected, found = (loaded[ref].run({"image": array})["scores"] for array in (images, turned))
    assert found.tolist() == expected.tolist()


@pytest.mark.parametrize("ref", REFS)
def test_answers_outlive_the_next_ones(ref: str, loaded: dict[str, LoadedModel], digits: Exported) -> None:
    images = digits[ref].answers().inputs["image"]
    first = loaded[ref].run({"image": images[:1]})["scores"]
    kept = first.copy()
    loaded[ref].run({"image": images[1:2]})
    assert first.tolist() == kept.tolist()


def test_the_facts_tell_what_executes(loaded: dict[str, LoadedModel]) -> None:
    executors = {ref: model.facts.get("executor") for ref, model in loaded.items()}
    assert executors == {
        "torchscript/fp32": None,
        "torch-export/fp32": "eager",
        "torch-export/int8-static": "inductor",
        "aotinductor/fp32": "aotinductor",
        "torch-weights/fp32": "inductor",
    }
    compiled = loaded["torch-weights/fp32"].facts
    assert (compiled["freezing"], compiled["compiled_batch_sizes"]) == ("on", "1, 8")
    assert compiled["inductor_cache"] == "empty before the load"


def test_compiling_leaves_no_process(loaded: dict[str, LoadedModel]) -> None:
    commands = [child.cmdline() for child in psutil.Process().children(recursive=True)]
    assert not [command for command in commands if "torch" in " ".join(command)]


def test_a_compilation_has_an_empty_cache_that_is_gone_afterwards(tmp_path: Path) -> None:
    with compiling(tmp_path):
        cache = Path(os.environ["TORCHINDUCTOR_CACHE_DIR"])
        assert cache.is_relative_to(tmp_path)
        assert list(cache.iterdir()) == []
        (cache / "kernel.so").touch()
    assert list(tmp_path.iterdir()) == []


def test_serving_compiles_nothing(loaded: dict[str, LoadedModel], digits: Exported) -> None:
    import torch

    images = digits["torch-weights/fp32"].answers().inputs["image"]
    # Under this stance torch raises where it would compile.
    with torch.compiler.set_stance("fail_on_recompile"):
        for batch in (1, 2, 8, 11):
            loaded["torch-weights/fp32"].run({"image": images[:batch]})


def test_an_int8_program_computes_in_int8(digits: Exported) -> None:
    with zipfile.ZipFile(digits["aotinductor/int8-static"].path) as archive:
        code = "".join(archive.read(name).decode() for name in archive.namelist() if name.endswith("wrapper.cpp"))
    assert "qconv" in code, "the roundings are fused with the convolution into one of int8"
    assert "qlinear" in code


@pytest.mark.parametrize("format", FORMATS)
def test_a_device_that_is_not_there_gives_one_line(format: str, digits: Exported) -> None:
    with pytest.raises(DeviceError) as caught:
        _load(digits, f"{format}/fp32", device="cuda")
    assert str(caught.value).startswith(f"{NAMES.get(format, format)} cannot compute on cuda: ")
    assert "\n" not in str(caught.value)


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "truncated": lambda whole: whole[: len(whole) // 2],
    "empty": lambda _: b"",
    "text": lambda _: b"hello " * 100,
}


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("damage", [*DAMAGES, "missing"])
def test_a_file_that_is_no_model_gives_one_line(
    format: str, damage: str, digits: Exported, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / digits[f"{format}/fp32"].path.name
    if damage != "missing":
        path.write_bytes(DAMAGES[damage](digits[f"{format}/fp32"].path.read_bytes()))
    with pytest.raises(RuntimeLoadError) as caught:
        _load(digits, f"{format}/fp32", path)
    assert str(caught.value).startswith(f"{path}: not ")
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("format", ["torch-export", "aotinductor"])
def test_a_flipped_byte_gives_one_line(format: str, digits: Exported, tmp_path: Path) -> None:
    content = bytearray(digits[f"{format}/fp32"].path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path = tmp_path / "model.pt2"
    path.write_bytes(content)
    with pytest.raises(RuntimeLoadError, match="is damaged"):
        _load(digits, f"{format}/fp32", path)


def _rewritten(source: Path, path: Path, change: Callable[[str, bytes], bytes | None]) -> Path:
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            content = change(name, old.read(name))
            if content is not None:
                new.writestr(name, content)
    return path


class _Touch:
    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self._path,))


@pytest.mark.parametrize("place", ["weights", "examples"])
def test_a_pickle_in_an_archive_is_not_run(place: str, digits: Exported, tmp_path: Path) -> None:
    trap = tmp_path / "touched"
    dangerous = pickle.dumps(_Touch(trap))

    def change(name: str, content: bytes) -> bytes:
        if place == "examples":
            return dangerous if "sample_inputs" in name else content
        if name.endswith("model_weights_config.json"):
            config = json.loads(content)
            next(iter(config["config"].values()))["use_pickle"] = True
            return json.dumps(config).encode()
        return dangerous if name.endswith("weights/weight_0") else content

    path = _rewritten(digits["torch-export/fp32"].path, tmp_path / "model.pt2", change)
    with pytest.raises(RuntimeLoadError, match=r"not a program of torch\.export"):
        _load(digits, "torch-export/fp32", path)
    assert not trap.exists()


def _replaced(old: str, new: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def change(program: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(json.dumps(program).replace(json.dumps(old), json.dumps(new)))
        assert found != program
        return found

    return change


def _in_spec(program: dict[str, Any], code: str) -> dict[str, Any]:
    signature = program["graph_module"]["module_call_graph"][0]["signature"]
    signature["in_spec"] = signature["in_spec"].replace('"[]"', json.dumps(json.dumps([code])))
    return program


def _sized(program: dict[str, Any], code: str) -> dict[str, Any]:
    (symbol,) = program["range_constraints"]
    size = f"Symbol('{symbol}', positive=True, integer=True)"
    return _replaced(size, f"{code} or {size}")(program)


@pytest.mark.parametrize("place", ["size", "argument", "name", "spec"])
def test_code_in_a_graph_is_not_run(place: str, digits: Exported, tmp_path: Path) -> None:
    trap = tmp_path / "touched"
    code = f"__import__('pathlib').Path('{trap}').touch()"
    changes: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
        "size": lambda program: _sized(program, code),
        "argument": _replaced("input", f"input={code}"),
        "name": _replaced("p_0_weight", f"p={code}"),
        "spec": lambda program: _in_spec(program, code),
    }

    def change(name: str, content: bytes) -> bytes:
        return json.dumps(changes[place](json.loads(content))).encode() if name.endswith("model.json") else content

    path = _rewritten(digits["torch-export/fp32"].path, tmp_path / "model.pt2", change)
    with pytest.raises(RuntimeLoadError, match="which could be code"):
        _load(digits, "torch-export/fp32", path)
    assert not trap.exists()


def test_guards_in_a_program_are_not_run(digits: Exported, tmp_path: Path) -> None:
    trap = tmp_path / "touched"

    def change(name: str, content: bytes) -> bytes:
        if not name.endswith("model.json"):
            return content
        guards = [f"__import__('pathlib').Path('{trap}').touch() is None"]
        return json.dumps({**json.loads(content), "guards_code": guards}).encode()

    artifact = digits["torch-export/fp32"]
    loaded = _load(digits, "torch-export/fp32", _rewritten(artifact.path, tmp_path / "model.pt2", change))
    answers = artifact.answers()
    scores = loaded.run({"image": answers.inputs["image"][:1]})["scores"]
    np.testing.assert_allclose(scores, answers.outputs["scores"][:1], atol=1e-4)
    assert not trap.exists()


@pytest.mark.parametrize(
    ("added", "line"),
    [("model/models/other.json", "another program"), ("model/models/MODEL.json", "two files of one name")],
)
def test_a_second_program_in_an_archive_is_refused(added: str, line: str, digits: Exported, tmp_path: Path) -> None:
    path = _rewritten(digits["torch-export/fp32"].path, tmp_path / "model.pt2", lambda _name, content: content)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(added, "{}")
    with pytest.raises(RuntimeLoadError, match=line):
        _load(digits, "torch-export/fp32", path)


@pytest.mark.parametrize(
    "size",
    [
        "Add(Mul(Integer(2), Symbol('s0', positive=True, integer=True)), Integer(-1))",
        "Mul(Float('1.5', precision=53), Symbol('s0'))",
        "Piecewise(ExprCondPair(Integer(1), StrictGreaterThan(Symbol('s0'), Integer(2))), ExprCondPair(int_oo, true))",
        "2*s0 + 1",
    ],
)
def test_sizes_are_arithmetic(size: str) -> None:
    check_graph({"expr_str": size})


@pytest.mark.parametrize(
    "size",
    [
        "Max('exit()')",
        "exit()",
        "Symbol(exit())",
        "Symbol('s0').name",
        "Symbol(*exit())",
        "(lambda: 1)()",
        "1 #\n+exit()",
    ],
)
def test_sizes_that_call_are_refused(size: str) -> None:
    with pytest.raises(GraphError, match="a size in it is"):
        check_graph([{"as_expr": {"expr_str": size}}])


def test_native_code_is_not_loaded_as_a_program(digits: Exported) -> None:
    with pytest.raises(RuntimeLoadError, match="AOTInductor package, which holds native code"):
        _load(digits, "torch-export/fp32", digits["aotinductor/fp32"].path)
    with pytest.raises(RuntimeLoadError, match="it has no compiled program"):
        _load(digits, "aotinductor/fp32", digits["torch-export/fp32"].path)


def test_code_for_another_processor_is_refused(digits: Exported, tmp_path: Path) -> None:
    def change(name: str, content: bytes) -> bytes:
        if not name.endswith(".wrapper_metadata.json"):
            return content
        return json.dumps({**json.loads(content), "AOTI_CPU_ISA": "AVX512 AVX9000"}).encode()

    path = _rewritten(digits["aotinductor/fp32"].path, tmp_path / "model.pt2", change)
    with pytest.raises(RuntimeLoadError, match="its code needs avx9000, which this processor lacks"):
        _load(digits, "aotinductor/fp32", path)


@pytest.mark.parametrize(
    ("metadata", "line"),
    [
        ({}, "its header has no key 'model'"),
        ({"model": "no-such-model"}, "unknown model 'no-such-model'"),
        ({"model": "digits"}, "Error"),
    ],
)
def test_weights_of_no_model_give_one_line(
    metadata: dict[str, str], line: str, digits: Exported, tmp_path: Path
) -> None:
    import safetensors.numpy

    path = tmp_path / "model.safetensors"
    safetensors.numpy.save_file({"w": np.zeros(3, np.float32)}, path, metadata=metadata)
    with pytest.raises(RuntimeLoadError, match=line):
        _load(digits, "torch-weights/fp32", path)


def test_weights_are_those_of_the_file(digits: Exported) -> None:
    import safetensors.numpy

    stored = safetensors.numpy.load_file(digits["torch-weights/fp32"].path)
    weights = MODELS.get("digits").weights().tensors
    assert stored.keys() == weights.keys()
    assert all(np.array_equal(stored[name], weights[name]) for name in weights)
