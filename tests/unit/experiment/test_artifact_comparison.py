"""What a precision buys, from runs that were never measured."""

import numpy as np
import pytest

from tailbed.analysis.intervals import Interval, NoInterval
from tailbed.artifact_comparison import compare_artifacts
from tailbed.cli.artifact_comparison import print_artifact_comparison
from tailbed.results.schema import ArtifactFacts, RunResult, Summary
from tests.unit.experiment.results import make_run, make_summary

BLOCKS = 8
RNG = np.random.default_rng(5)
DRIFT = np.exp(RNG.normal(0, 0.3, BLOCKS))


def _facts(format: str, precision: str, size: int, accuracy: float | None) -> ArtifactFacts:
    return ArtifactFacts(
        model="digits",
        format=format,
        precision=precision,
        framework="pytorch",
        runtime="onnxruntime",
        size_bytes=size,
        export_seconds=1.5,
        accuracy=accuracy,
        label_agreement=0.99,
        weights="trained",
    )


def _runs(factor: float, format: str, precision: str, blocks: int = BLOCKS) -> list[RunResult]:
    return [
        make_run(
            block,
            p50_ms=factor * DRIFT[block - 1] * np.exp(RNG.normal(0, 0.01)),
            format=format,
            precision=precision,
            runtime="onnxruntime",
        )
        for block in range(1, blocks + 1)
    ]


def _summary(blocks: int = BLOCKS, accuracy: float | None = 0.99) -> Summary:
    summary = make_summary(
        [
            _runs(1.0, "onnx", "fp32", blocks),
            _runs(0.25, "onnx", "int8-static", blocks),
            _runs(3.0, "tflite", "fp16", blocks),
        ],
        blocks,
    )
    changed = None if accuracy is None else accuracy - 0.02
    facts = [
        _facts("onnx", "fp32", 400, accuracy),
        _facts("onnx", "int8-static", 100, changed),
        _facts("tflite", "fp16", 200, accuracy),
    ]
    return summary.model_copy(update={"artifacts": facts})


def test_a_precision_is_compared_with_the_same_format_in_fp32_block_by_block() -> None:
    full, small, other = compare_artifacts(_summary())
    assert full.gain is None
    assert other.gain is None, "tflite was not measured in fp32"
    assert small.gain is not None
    ratio = small.gain.speed.ratio
    assert isinstance(ratio, Interval)
    assert ratio.estimate == pytest.approx(4, rel=0.02), "fp32 over this: four times as fast"
    assert 1 < ratio.low < 4.1
    assert small.gain.speed.claimed, "in spite of a drift that is much larger than the noise"
    assert small.gain.size_ratio == 0.25
    assert small.gain.accuracy_change == pytest.approx(-0.02)


def test_one_block_gives_a_ratio_and_no_interval() -> None:
    small = compare_artifacts(_summary(blocks=1))[1]
    assert small.gain is not None
    assert isinstance(small.gain.speed.ratio, NoInterval)
    assert small.gain.speed.ratio.estimate == pytest.approx(4, rel=0.1)
    assert not small.gain.speed.claimed


def test_without_labels_there_is_no_change_of_accuracy() -> None:
    small = compare_artifacts(_summary(accuracy=None))[1]
    assert small.gain is not None
    assert small.gain.accuracy_change is None


def test_a_cell_whose_artifact_is_not_known_is_left_out() -> None:
    summary = _summary()
    assert len(compare_artifacts(summary.model_copy(update={"artifacts": summary.artifacts[:1]}))) == 1


def test_the_table_fits_eighty_columns_with_every_name_whole(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    print_artifact_comparison(_summary())
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    (small,) = (line.split() for line in lines if line.startswith("onnx/int8-static"))
    assert small[-2:] == ["0.25", "-2.0"], "size ratio, and points of accuracy"
    assert float(small[-4]) == pytest.approx(4, rel=0.02)
    assert "1 of 1 differences are claimed" in " ".join(lines)
