"""Classifiers of scikit-learn, LightGBM and XGBoost as ONNX files."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from exporters import ArtifactStore, Compute, ModelFile, export, exporter_for
from models import MODELS, Model, Tensors
from models.tabular.data import load_split
from models.tabular.model import MODELS as TABULAR
from servers.runtimes import LoadedModel, runtime_for

NAMES = [model.name for model in TABULAR]
TREES = ["tabular-gradient-boosting", "tabular-lightgbm", "tabular-xgboost"]


def _write(model: Model, path: Path) -> LoadedModel:
    exporter_for(model, "onnx").write(model, model.source(model.frameworks[0]), "fp32", path)
    return _load(model, path)


def _load(model: Model, path: Path) -> LoadedModel:
    return runtime_for("onnx").load(ModelFile(path, model.inputs, model.outputs), Compute())


def _on_the_thresholds(rows: int = 2000) -> Tensors:
    """Rows of values that trees part at: those between two neighbours in the data to train on, and the next ones."""
    generator = np.random.default_rng(0)
    columns = []
    for column in load_split()[0].features.T:
        known = np.unique(column)
        between = ((known[1:].astype(np.float64) + known[:-1]) / 2).astype(np.float32)
        above, below = np.nextafter(between, np.float32(np.inf)), np.nextafter(between, np.float32(-np.inf))
        columns.append(generator.choice(np.concatenate([known, between, above, below]), rows))
    return {"features": np.stack(columns, axis=1)}


@pytest.mark.parametrize("name", NAMES)
def test_an_artifact_computes_what_its_source_does_and_as_well(name: str, tmp_path: Path) -> None:
    store, checker = ArtifactStore(tmp_path), runtime_for("onnx")
    manifest = export(MODELS.get(name), "onnx", store=store, checker=checker).manifest
    assert export(MODELS.get(name), "onnx", store=store, checker=checker).manifest == manifest, "made again"
    assert manifest.framework == MODELS.get(name).frameworks[0]
    assert manifest.parity is not None
    assert manifest.parity.max_abs_diff < 1e-6
    assert manifest.parity.label_agreement == 1
    assert manifest.accuracy is not None
    assert manifest.accuracy >= 0.915
    assert manifest.settings["opset ai.onnx.ml"].isdigit()
    assert {"onnx", "scikit-learn", "onnxruntime"} <= manifest.versions.keys()


@pytest.mark.parametrize("name", NAMES)
def test_a_file_has_the_specified_tensors_and_any_batch_size(name: str, tmp_path: Path) -> None:
    import onnx

    model, path = MODELS.get(name), tmp_path / "model.onnx"
    loaded = _write(model, path)
    graph = onnx.load(path).graph
    for values, specs in ((graph.input, model.inputs), (graph.output, model.outputs)):
        found = [
            (value.name, tuple(axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim))
            for value in values
        ]
        assert found == [(spec.name, spec.shape) for spec in specs]
    features = model.requests()["features"]
    whole = loaded.run({"features": features})["scores"]
    for size in (1, 3, 8):
        assert loaded.run({"features": features[:size]})["scores"] == pytest.approx(whole[:size], abs=1e-6)


@pytest.mark.parametrize("name", TREES)
def test_no_input_takes_another_branch_than_in_the_source(name: str, tmp_path: Path) -> None:
    model = MODELS.get(name)
    rows = _on_the_thresholds()
    expected = model.source(model.frameworks[0]).predict(rows)["scores"]
    found = _write(model, tmp_path / "model.onnx").run(rows)["scores"]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_lightgbms_own_thresholds_lose_branches(tmp_path: Path) -> None:
    """Why they are rounded down; once the converter does it, our own rounding can go."""
    from onnxmltools import convert_lightgbm
    from onnxmltools.convert.common.data_types import FloatTensorType

    from exporters.onnx.classifier import OWN_WARNINGS, save
    from exporters.quiet import quiet

    model = MODELS.get("tabular-lightgbm")
    source, rows, path = model.source("lightgbm"), _on_the_thresholds(), tmp_path / "model.onnx"
    with quiet(ignored=OWN_WARNINGS):
        kind = FloatTensorType([None, 30])
        save(convert_lightgbm(source.module, initial_types=[("features", kind)], zipmap=False), model, path)
    apart = np.abs(_load(model, path).run(rows)["scores"] - source.predict(rows)["scores"])
    assert apart.max() > 0.1


def test_the_first_conversions_of_a_process_say_nothing(tmp_path: Path) -> None:
    program = f"""
from pathlib import Path
from exporters import exporter_for
from models.tabular.model import MODELS
for model in MODELS:
    path = Path({str(tmp_path)!r}, model.name)
    exporter_for(model, "onnx").write(model, model.source(model.frameworks[0]), "fp32", path)
"""
    run = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


def test_a_later_conversion_says_nothing_either(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        for model in TABULAR:
            _write(model, tmp_path / f"{model.name}.onnx")
    assert capfd.readouterr() == ("", "")
    assert caplog.messages == []
