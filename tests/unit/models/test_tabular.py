"""The tabular models: their data, what fitting gives, and what is said where a library is missing."""

import hashlib
import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version

import numpy as np
import pytest

from models import MODELS, MissingPackage, check_tensors
from models.tabular.data import load_split
from models.tabular.model import MODELS as TABULAR

NAMES = [model.name for model in TABULAR]

# Prints, for each model, what its source computes for the held-out rows.
FIT = """
import hashlib
from models.tabular.model import MODELS
for model in MODELS:
    scores = model.source(model.frameworks[0]).predict(model.requests())["scores"]
    print(model.name, hashlib.sha256(scores.tobytes()).hexdigest())
"""

LIST = """
import sys
from models import MODELS
print([name for name in MODELS.names() if name.startswith("tabular-")])
print(sorted({"sklearn", "lightgbm", "xgboost", "scipy", "threadpoolctl"} & sys.modules.keys()))
"""


def _python(program: str, **environment: str) -> str:
    run = subprocess.run(
        [sys.executable, "-c", program], env=os.environ | environment, capture_output=True, text=True, check=True
    )
    assert run.stderr == ""
    return run.stdout


def test_the_split_is_fixed_and_stratified() -> None:
    train, held_out = load_split()
    assert (len(train.labels), len(held_out.labels)) == (369, 200)
    assert held_out.features.dtype == np.float32
    assert train.labels.mean() == pytest.approx(held_out.labels.mean(), abs=0.005)
    digest = hashlib.sha256(held_out.features.tobytes() + held_out.labels.tobytes()).hexdigest()
    assert digest == "8a24f1015cce9c797b9dca8869acf6228725bc51eaad97040f6f15780aab190a", (
        "another split: results are no longer comparable"
    )


def test_no_held_out_row_is_trained_on_and_all_requests_differ() -> None:
    train, held_out = load_split()
    trained = {row.tobytes() for row in train.features}
    asked = {row.tobytes() for row in held_out.features}
    assert not trained & asked
    assert len(asked) == len(held_out.features)


def test_all_are_listed_and_listing_imports_no_library() -> None:
    listed, imported = _python(LIST).splitlines()
    assert listed == repr(sorted(NAMES))
    assert imported == "[]"


@pytest.mark.parametrize("name", NAMES)
def test_a_model_labels_what_it_has_not_seen(name: str) -> None:
    model = MODELS.get(name)
    source, evaluation = model.source(model.frameworks[0]), model.evaluation()
    outputs = source.predict(evaluation.inputs)
    check_tensors(model.outputs, outputs)
    scores = outputs["scores"]
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-6)
    assert evaluation.labels is not None
    # The share of the larger class is 63%. 7 rows below 95%, the usual figure for this data.
    assert np.mean(scores.argmax(axis=1) == evaluation.labels) >= 0.915
    assert source.versions.keys() >= {"scikit-learn", "numpy"}


def test_fitting_gives_the_same_bits_on_any_number_of_threads() -> None:
    one, two = (_python(FIT, OMP_NUM_THREADS=threads, OPENBLAS_NUM_THREADS=threads) for threads in ("1", "2"))
    assert one == two
    assert len(set(one.split())) == 2 * len(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_checksum_is_that_of_all_that_decides_the_fit(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = MODELS.get(name)
    weights = model.weights()
    assert weights.tensors == {}
    assert weights == model.weights()
    assert len({MODELS.get(other).weights().sha256 for other in NAMES}) == len(NAMES)
    monkeypatch.setattr("models.packages.version", lambda _: "0.0.1")
    assert model.weights().sha256 != weights.sha256


@pytest.mark.parametrize(
    ("name", "missing", "told"),
    [
        ("tabular-lightgbm", {"lightgbm"}, "lightgbm"),
        ("tabular-xgboost", {"xgboost", "xgboost-cpu"}, "xgboost-cpu"),
        ("tabular-svm", {"scikit-learn"}, "scikit-learn"),
    ],
)
def test_a_library_that_is_not_installed_is_one_line(
    name: str, missing: set[str], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def found(distribution: str) -> str:
        if distribution in missing:
            raise PackageNotFoundError(distribution)
        return version(distribution)

    monkeypatch.setattr("models.packages.version", found)
    model = MODELS.get(name)
    line = f"^{name} in {model.frameworks[0]} needs the package '{told}': 'tailbed doctor' says how to get it$"
    with pytest.raises(MissingPackage, match=line):
        model.source(model.frameworks[0])


def test_a_library_that_cannot_be_imported_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "models.tabular.lightgbm", raising=False)
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    with pytest.raises(MissingPackage, match="tabular-lightgbm in lightgbm needs the package 'lightgbm'"):
        MODELS.get("tabular-lightgbm").source("lightgbm")


def test_xgboost_is_found_under_either_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def found(distribution: str) -> str:
        if distribution == "xgboost-cpu":
            raise PackageNotFoundError(distribution)
        return "3.0.0"

    monkeypatch.setattr("models.packages.version", found)
    source = MODELS.get("tabular-xgboost").source("xgboost")
    assert source.versions["xgboost"] == "3.0.0"
    assert "xgboost-cpu" not in source.versions
