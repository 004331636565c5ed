import hashlib
import json
import math
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from models import MODELS, Tensors, check_tensors
from models.bert.architecture import ARCHITECTURES
from models.bert.data import calibration, evaluation, requests
from models.bert.initialization import initialize
from models.bert.names import canonical
from models.weights import Weights

FRAMEWORKS = ("pytorch", "keras", "jax")


@pytest.fixture(scope="module")
def mini() -> Weights:
    return Weights(initialize(ARCHITECTURES["bert-mini"]), "", "random")


def scores(model: str, framework: str, weights: Weights, inputs: Tensors) -> np.ndarray:
    return MODELS.get(model).build(framework, weights).predict(inputs)["scores"]


def first(inputs: Tensors, items: int) -> Tensors:
    return {name: array[:items] for name, array in inputs.items()}


def apart(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one - other).max())


def test_the_frameworks_agree_on_several_items(mini: Weights) -> None:
    inputs = first(evaluation("bert-mini").inputs, 9)
    found = {framework: scores("bert-mini", framework, mini, inputs) for framework in FRAMEWORKS}
    for framework in FRAMEWORKS:
        check_tensors(MODELS.get("bert-mini").outputs, {"scores": found[framework]})
        assert apart(found[framework], found["pytorch"]) < 1e-4


def test_the_frameworks_agree_on_an_item_of_the_large_one() -> None:
    weights = Weights(initialize(ARCHITECTURES["bert-base"]), "", "random")
    inputs = first(evaluation("bert-base").inputs, 1)
    expected = scores("bert-base", "pytorch", weights, inputs)
    for framework in ("keras", "jax"):
        assert apart(scores("bert-base", framework, weights, inputs), expected) < 1e-4


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_every_tensor_counts_in_every_framework(framework: str, mini: Weights) -> None:
    """One that was left out, or mistaken for another, would leave the scores as they are or move them otherwise."""
    inputs = first(evaluation("bert-mini").inputs, 2)
    generator = np.random.default_rng(0)
    changed = {
        name: (array + generator.normal(0, 0.05, array.shape)).astype(np.float32)
        for name, array in mini.tensors.items()
    }
    moved = scores("bert-mini", framework, Weights(changed, "", ""), inputs)
    assert apart(moved, scores("bert-mini", framework, mini, inputs)) > 1e-2
    assert apart(moved, scores("bert-mini", "pytorch", Weights(changed, "", ""), inputs)) < 1e-4


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_masked_positions_have_no_influence(framework: str, mini: Weights) -> None:
    inputs = first(evaluation("bert-mini").inputs, 8)
    masked = inputs["attention_mask"] == 0
    assert masked.any()
    others = np.random.default_rng(0).integers(1000, 30000, masked.shape)
    changed = {**inputs, "input_ids": np.where(masked, others, inputs["input_ids"]).astype(np.int32)}
    source = MODELS.get("bert-mini").build(framework, mini)
    expected = source.predict(inputs)["scores"]
    assert apart(source.predict(changed)["scores"], expected) < 1e-6
    unmasked = {**changed, "attention_mask": np.ones_like(inputs["attention_mask"])}
    assert apart(source.predict(unmasked)["scores"], expected) > 1e-2


def test_scores_tell_texts_apart(mini: Weights) -> None:
    found = scores("bert-mini", "pytorch", mini, evaluation("bert-mini").inputs)
    labels = np.bincount(found.argmax(axis=1), minlength=2)
    assert labels.min() >= 6, "both labels are to occur, or agreement in labels says nothing"
    assert 0.5 < np.abs(found).max() < 20
    assert found.std(axis=0).min() > 0.3


def test_the_scores_are_those_of_the_formulas(mini: Weights) -> None:
    """Devlin et al. (2018) and Vaswani et al. (2017), in float64, without any of the frameworks."""
    t = {name: array.astype(np.float64) for name, array in mini.tensors.items()}
    inputs = first(evaluation("bert-mini").inputs, 2)
    erf = np.vectorize(math.erf)

    def norm(name: str, x: np.ndarray) -> np.ndarray:
        x = x - x.mean(-1, keepdims=True)
        return x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-12) * t[f"{name}.weight"] + t[f"{name}.bias"]

    def dense(name: str, x: np.ndarray) -> np.ndarray:
        return x @ t[f"{name}.weight"].T + t[f"{name}.bias"]

    for item, (ids, mask) in enumerate(zip(inputs["input_ids"], inputs["attention_mask"], strict=True)):
        ids = ids[mask == 1]  # a text without its padding needs no mask
        table = {k: t[f"bert.embeddings.{k}_embeddings.weight"] for k in ("word", "position", "token_type")}
        x = norm(
            "bert.embeddings.LayerNorm", table["word"][ids] + table["position"][: len(ids)] + table["token_type"][0]
        )
        for index in range(4):
            layer = f"bert.encoder.layer.{index}"
            query, key, value = (
                dense(f"{layer}.attention.self.{k}", x).reshape(-1, 4, 64).transpose(1, 0, 2)
                for k in ("query", "key", "value")
            )
            weights = np.exp(query @ key.transpose(0, 2, 1) / 8)
            attended = (weights / weights.sum(-1, keepdims=True) @ value).transpose(1, 0, 2).reshape(-1, 256)
            x = norm(f"{layer}.attention.output.LayerNorm", dense(f"{layer}.attention.output.dense", attended) + x)
            y = dense(f"{layer}.intermediate.dense", x)
            y = y * (1 + erf(y / math.sqrt(2))) / 2
            x = norm(f"{layer}.output.LayerNorm", dense(f"{layer}.output.dense", y) + x)
        expected = dense("classifier", np.tanh(dense("bert.pooler.dense", x[0])))
        found = scores("bert-mini", "pytorch", mini, {k: v[item : item + 1] for k, v in inputs.items()})[0]
        assert apart(found, expected) < 1e-5


@pytest.mark.parametrize(("model", "parameters"), [("bert-base", 109_483_778), ("bert-mini", 11_171_074)])
def test_it_has_as_many_parameters_as_the_published_one(model: str, parameters: int) -> None:
    assert sum(math.prod(shape) for shape in ARCHITECTURES[model].shapes().values()) == parameters


def test_the_random_weights_are_the_same_bytes_everywhere(mini: Weights) -> None:
    digest = hashlib.sha256()
    for name, array in sorted(mini.tensors.items()):
        assert array.dtype == np.float32
        digest.update(name.encode() + array.tobytes())
    assert digest.hexdigest() == "1ca5811623aca2861af17022ad07437257934ef15fe38172dd46ca21e125f564"


@pytest.mark.parametrize("model", ["bert-base", "bert-mini"])
def test_the_data_fit_and_are_not_shared(model: str) -> None:
    found = MODELS.get(model)
    assert found.calibration is not None
    sets = [found.evaluation().inputs, found.requests(), found.calibration()]
    assert found.evaluation().labels is None
    assert [len(data["input_ids"]) for data in sets] == [{"bert-base": 24, "bert-mini": 64}[model], 16, 16]
    texts: list[bytes] = []
    for data in sets:
        check_tensors(found.inputs, data)
        lengths = data["attention_mask"].sum(axis=1)
        assert len(set(lengths.tolist())) > 5
        assert lengths.min() >= 3
        for ids, mask, length in zip(data["input_ids"], data["attention_mask"], lengths, strict=True):
            assert mask[:length].all()
            assert (ids[0], ids[length - 1]) == (101, 102)
            assert not ids[length:].any()
            assert ids.max() < 30522
        texts += [ids.tobytes() for ids in data["input_ids"]]
    assert len(set(texts)) == len(texts)


def test_the_data_are_the_same_every_time() -> None:
    for make in (
        lambda: evaluation("bert-mini").inputs,
        lambda: requests("bert-mini"),
        lambda: calibration("bert-mini"),
    ):
        one, other = make(), make()
        assert all(np.array_equal(one[name], other[name]) for name in one)


def test_the_registry_imports_no_framework() -> None:
    script = (
        "import json, sys; from models import MODELS; import models.bert.weights, models.bert.names; "
        "MODELS.get('bert-base').requests(); print(json.dumps([m for m in sys.modules if '.' not in m]))"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert not {"torch", "tensorflow", "keras", "jax", "safetensors"} & set(json.loads(result.stdout))


def test_torch_exports_it_with_any_batch_size(mini: Weights) -> None:
    import torch

    module = MODELS.get("bert-mini").build("pytorch", mini).module
    inputs = evaluation("bert-mini").inputs
    ids, mask = torch.tensor(inputs["input_ids"]), torch.tensor(inputs["attention_mask"])
    dynamic = {0: torch.export.Dim("batch")}
    program = torch.export.export(module, (ids[:2], mask[:2]), dynamic_shapes=(dynamic, dynamic)).module()
    for batch in (1, 3):
        with torch.inference_mode():
            assert apart(program(ids[:batch], mask[:batch]).numpy(), module(ids[:batch], mask[:batch]).numpy()) < 1e-5


def test_half_precision_survives_the_mask(mini: Weights) -> None:
    import torch

    inputs = first(evaluation("bert-mini").inputs, 8)
    expected = scores("bert-mini", "pytorch", mini, inputs)
    module = MODELS.get("bert-mini").build("pytorch", mini).module.half()
    with torch.inference_mode():
        found = module(*(torch.tensor(inputs[name]) for name in ("input_ids", "attention_mask"))).float().numpy()
    assert apart(found, expected) < 5e-2


def test_jax_lowers_it_to_operations_that_other_libraries_read(mini: Weights) -> None:
    """``lax.erf`` and ``lax.erfc`` become composite operations, which TensorFlow 2.21 refuses to read."""
    import jax

    module = MODELS.get("bert-mini").build("jax", mini).module
    inputs = first(evaluation("bert-mini").inputs, 1)
    lowered = jax.jit(module.apply).lower(module.parameters, inputs["input_ids"], inputs["attention_mask"]).as_text()
    assert "stablehlo.dot_general" in lowered
    assert not re.search(r"composite|chlo\.erf", lowered)


def test_the_error_function_of_jax_is_exact() -> None:
    import jax

    from models.bert.jax import _erf

    x = np.linspace(-6, 6, 10_001, dtype=np.float32)
    assert apart(np.asarray(jax.jit(_erf)(x)), np.array([math.erf(value) for value in x])) < 5e-7
    assert np.asarray(_erf(x.astype(np.float16))).dtype == np.float16


@pytest.mark.parametrize(
    ("foreign", "own"),
    [
        ("bert.encoder.layer.0.attention.self.query.weight", "bert.encoder.layer.0.attention.self.query.weight"),
        ("encoder.layer.11.output.dense.bias", "bert.encoder.layer.11.output.dense.bias"),
        ("embeddings.LayerNorm.gamma", "bert.embeddings.LayerNorm.weight"),
        ("bert.encoder.layer.3.output.LayerNorm.beta", "bert.encoder.layer.3.output.LayerNorm.bias"),
        ("pooler.dense.weight", "bert.pooler.dense.weight"),
        ("classifier.weight", "classifier.weight"),
        ("bert.embeddings.position_ids", None),
        ("embeddings.position_ids", None),
        ("cls.predictions.transform.dense.weight", None),
    ],
)
def test_names_of_hugging_face_are_understood(foreign: str, own: str | None) -> None:
    assert canonical(foreign) == own


def test_weights_named_the_hugging_face_way_give_the_same_scores(
    mini: Weights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import safetensors.numpy

    from models.weights.choice import choose_weights

    monkeypatch.setenv("TAILBED_HOME", str(tmp_path / "home"))
    model = MODELS.get("bert-mini")
    foreign = {
        name.removeprefix("bert.")
        .replace("LayerNorm.weight", "LayerNorm.gamma")
        .replace("LayerNorm.bias", "LayerNorm.beta"): array
        for name, array in mini.tensors.items()
    }
    positions = np.arange(512, dtype=np.int64)[np.newaxis]
    path = tmp_path / "pytorch.safetensors"
    safetensors.numpy.save_file({**foreign, "embeddings.position_ids": positions}, path)
    choose_weights(model, str(path))
    weights = model.weights()
    assert weights.origin == "file pytorch.safetensors"
    inputs = first(evaluation("bert-mini").inputs, 2)
    assert np.array_equal(scores("bert-mini", "pytorch", weights, inputs), scores("bert-mini", "pytorch", mini, inputs))
