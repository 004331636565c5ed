"""``tailbed quantize`` as users run it: a model of ours, and one of which there is only an ONNX file."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from exporters import Artifact, ArtifactStore, Given
from tailbed.cli import cli
from tailbed.experiment.importing import import_model
from tailbed.results.decisions import QuantizationStudy
from tailbed.results.folder import ExperimentFolder
from tests.conftest import Exported

pytestmark = pytest.mark.timeout(600)


def _quantize(*words: str) -> Result:
    return CliRunner().invoke(cli, ["quantize", *words], catch_exceptions=False)


@pytest.fixture(scope="module")
def study(digits: Exported, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """A first look at one precision."""
    folder = tmp_path_factory.mktemp("study") / "results"
    words = ("digits", "--artifact", "digits/onnx/int8-dynamic", "--quick", "--duration", "1", "--out", str(folder))
    return folder, _quantize(*words)


def test_it_prints_what_it_found_and_says_that_it_is_no_verdict(study: tuple[Path, Result]) -> None:
    folder, result = study
    assert result.exit_code == 0, result.output
    assert "onnx/int8-dynamic" in result.stdout
    assert "a first look and no verdict: it has 1 block" in result.stdout
    assert "2 artifacts, 1 block, 4 runs: about" in result.stderr
    assert f"report: {folder / 'report.html'}" in result.stdout
    assert (folder / "report.html").exists()


def test_every_figure_has_a_file(study: tuple[Path, Result]) -> None:
    folder = ExperimentFolder(study[0])
    found = folder.read_decision(QuantizationStudy)
    assert found is not None
    assert [f"{each.format}/{each.precision}" for each in found.results] == ["onnx/fp32", "onnx/int8-dynamic"]
    for result in found.results:
        assert len(result.runs) == 2
        for run in result.runs:
            assert (folder.path / run / "result.json").exists()
        stem = folder.path / "quantization" / f"{result.format}-{result.precision}"
        with np.load(stem.with_suffix(".npz"), allow_pickle=False) as labels:
            assert float(np.mean(labels["predicted"] == labels["truth"])) == result.accuracy
        looked = json.loads(stem.with_suffix(".json").read_text())
        assert looked["sha256"] == result.artifact_sha256
        assert looked["kernels"]["operators_ms"], "ONNX Runtime's own profile"
        assert result.peak_memory_bytes
        assert result.first_answer_ms
    changed = found.results[1]
    assert changed.size_ratio is not None
    assert changed.size_ratio < 0.5
    assert changed.accuracy_change is not None
    assert changed.accuracy_change.items == 450


def test_it_goes_on_where_it_was_stopped(study: tuple[Path, Result], tmp_path: Path) -> None:
    folder = tmp_path / "stopped"
    shutil.copytree(study[0], folder)
    before = ExperimentFolder(folder).read_summary()
    missing = next(run.run for cell in before.cells for run in cell.runs)
    assert missing is not None
    shutil.rmtree(folder / missing)
    (folder / "quantization.json").unlink()
    result = _quantize("--resume", str(folder), "--json")
    assert result.exit_code == 0, result.output
    again = QuantizationStudy.model_validate_json(result.stdout)
    assert again == ExperimentFolder(folder).read_decision(QuantizationStudy)
    assert (folder / missing / "result.json").exists()
    kept = {each.run: each for cell in before.cells for each in cell.runs if each.run != missing}
    after = {each.run: each for cell in ExperimentFolder(folder).read_summary().cells for each in cell.runs}
    assert {run: after[run] for run in kept} == kept, "what was measured is not measured again"


def test_a_folder_of_another_experiment_is_refused(study: tuple[Path, Result], tmp_path: Path) -> None:
    folder = tmp_path / "other"
    shutil.copytree(study[0], folder)
    shutil.rmtree(folder / "quantization")
    with pytest.raises(Exception, match="not a folder of 'tailbed quantize'"):
        _quantize("--resume", str(folder))


def _given(artifact: Artifact, name: str, folder: Path) -> Given:
    """The artifact's file as a user's own, with its requests."""
    pool = folder / "requests.npz"
    np.savez(pool, **artifact.answers().inputs)  # type: ignore[arg-type]  # numpy's stub takes **kwargs for allow_pickle
    return Given(artifact.path, name, pool=pool)


def test_a_users_onnx_file_is_quantized_and_judged_by_its_agreement(
    digits: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifact = digits["onnx"]
    monkeypatch.setenv("TAILBED_HOME", str(tmp_path / "home"))  # of its own, since imported models keep their names
    import_model(_given(artifact, "my-model", tmp_path), ArtifactStore())
    words = ("--formats", "onnx", "--precisions", "int8-static", "--quick", "--duration", "1", "--json")
    result = _quantize("my-model", *words, "--out", str(tmp_path / "results"))
    assert result.exit_code == 0, result.output
    found = QuantizationStudy.model_validate_json(result.stdout)
    full, small = found.results
    assert (full.precision, small.precision) == ("fp32", "int8-static")
    assert (full.accuracy, small.accuracy, small.accuracy_change) == (None, None, None)
    assert small.agreement is not None
    assert small.agreement > 0.9
    items = len(artifact.answers()) // 2
    assert f"agreement with fp32 on {items} items" in found.quality, "the half that nothing was calibrated on"


def test_a_file_that_nothing_can_be_made_of_is_told_in_one_line(
    digits: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifact = digits["onnx/int8-dynamic"]
    monkeypatch.setenv("TAILBED_HOME", str(tmp_path / "home"))
    import_model(_given(artifact, "theirs", tmp_path), ArtifactStore())
    with pytest.raises(Exception, match="theirs is there only as it was imported") as raised:
        _quantize("theirs")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ((), "names no model"),
        (("digits", "--resume", "x"), "give nothing else"),
        (("digits", "--quick", "--blocks", "3"), "--quick is --blocks 1"),
        (("digits", "--artifact", "digits/onnx", "--formats", "onnx"), "stands in the place"),
        (("digits", "--accuracy-loss", "much"), "no number of points"),
    ],
)
def test_wrong_usage_is_told(words: tuple[str, ...], line: str) -> None:
    result = _quantize(*words)
    assert result.exit_code == 2
    assert line in result.output
