"""What a study says of artifacts whose speeds and labels are known, because they are made up."""

import pytest

from tailbed.quantization.kernels import Kernel, Kernels
from tailbed.results.decisions import PrecisionResult, QuantizationStudy
from tests.unit.quantization.studies import ITEMS, kernels, make_study

SPEEDS = {"fp32": 1.0, "fp16": 1.0, "int8-dynamic": 5.0, "int8-static": 0.4}


def _of(study: QuantizationStudy, precision: str) -> PrecisionResult:
    (found,) = (each for each in study.results if each.precision == precision)
    return found


def test_ratios_are_over_fp32_and_below_one_is_faster() -> None:
    study, _ = make_study(SPEEDS)
    small = _of(study, "int8-static")
    for ratio in (small.p50_ratio, small.p99_ratio):
        assert ratio is not None
        assert ratio.estimate == pytest.approx(0.4, rel=0.02)
        assert ratio.claimed, "in spite of a drift that is much larger than the noise"
        assert ratio.low is not None
        assert ratio.high is not None
        assert ratio.low < 0.4 < ratio.high
    assert small.throughput_ratio is not None
    assert small.throughput_ratio.estimate == pytest.approx(2.5, rel=0.02)
    assert small.size_ratio == 0.25
    assert _of(study, "fp32").p50_ratio is None
    assert study.no_verdict is None


def test_equal_ones_are_not_claimed_to_differ() -> None:
    ratio = _of(make_study(SPEEDS)[0], "fp16").p50_ratio
    assert ratio is not None
    assert not ratio.claimed
    assert "no difference shown" in ratio.sentence


@pytest.mark.parametrize("blocks", [1, 3, 6])
def test_with_too_few_blocks_there_is_no_verdict_and_no_finding_on_times(blocks: int) -> None:
    study, _ = make_study(SPEEDS, blocks=blocks)
    assert study.no_verdict is not None
    assert "takes 7" in study.no_verdict
    assert ("no intervals" in study.no_verdict) is (blocks < 6)
    assert not any(each.p50_ratio.claimed for each in study.results if each.p50_ratio)
    assert not any("as fast" in sentence or "takes" in sentence for sentence in study.findings)


def test_blocks_without_valid_runs_give_no_verdict() -> None:
    study, _ = make_study(SPEEDS, invalid=("fp32",))
    assert study.no_verdict == "no verdict: at most 0 of 8 blocks have P50s that stand of a precision and its fp32"


def test_every_figure_names_its_runs() -> None:
    study, summary = make_study(SPEEDS)
    there = {run.run for cell in summary.cells for run in cell.runs}
    for result in study.results:
        assert len(result.runs) == 16
        assert set(result.runs) <= there


def test_a_gain_is_told_with_its_cost() -> None:
    first = make_study(SPEEDS, wrong={"int8-static": 5})[0].findings[0]
    assert first.startswith("onnx/int8-static is 2.5x (95% 2.5 to 2.6) as fast as fp32 at the median and costs 0.4")
    assert "no difference in accuracy shown" in first
    assert "450 items" in first


def test_a_loss_of_accuracy_that_is_shown_is_not_called_none() -> None:
    study, _ = make_study(SPEEDS, wrong={"int8-static": 40})
    change = _of(study, "int8-static").accuracy_change
    assert change is not None
    assert change.claimed
    assert change.estimate == pytest.approx(-37 / ITEMS)
    assert change.low < change.estimate < change.high < 0
    assert "no difference in accuracy shown" not in study.findings[0]


def test_dynamic_int8_tells_what_its_convolutions_do() -> None:
    looks = {
        "fp32": kernels(operators_ms={"Conv": 0.01, "Gemm": 0.01}),
        "int8-dynamic": kernels(operators_ms={"ConvInteger": 0.05, "Cast": 0.02}),
    }
    study, _ = make_study(SPEEDS, looks=looks)
    (sentence,) = (each for each in study.findings if each.startswith("onnx/int8-dynamic takes"))
    assert "convolutions are 5.0x as slow, 0.05 ms instead of 0.01" in sentence
    (without,) = (each for each in make_study(SPEEDS)[0].findings if each.startswith("onnx/int8-dynamic takes"))
    assert "convolutions" not in without, "where no profile tells"


def test_what_is_surely_no_faster_gains_nothing() -> None:
    findings = make_study(SPEEDS)[0].findings
    assert any(each.startswith("onnx/fp16 gains nothing on this CPU") for each in findings)
    faster = make_study({**SPEEDS, "fp16": 0.97})[0].findings
    assert not any("fp16 gains nothing" in each for each in faster)


def test_signed_activations_are_told_beside_unsigned_ones() -> None:
    study, _ = make_study({"fp32": 1.0, "int8-static": 0.4, "int8-static-signed": 1.3})
    (sentence,) = (each for each in study.findings if "signed activations" in each)
    assert "gained nothing on this CPU in onnx" in sentence
    assert "unsigned ones (u8s8) are 2.5x" in sentence
    fast, _ = make_study({"fp32": 1.0, "int8-static": 0.4, "int8-static-signed": 0.4})
    assert not any("signed activations" in each for each in fast.findings)


@pytest.mark.parametrize(
    ("look", "words"),
    [
        (Kernel(operation="convolution", instructions="avx512_core", type="f32"), "convolution not in int8 but in f32"),
        (Kernel(operation="convolution", instructions="avx512_core_vnni", type="u8"), None),
        (None, None),
    ],
)
def test_what_is_not_computed_in_int8_is_told(look: Kernel | None, words: str | None) -> None:
    found: Kernels = kernels(look) if look else kernels()
    findings = make_study(SPEEDS, looks={"int8-static": found})[0].findings
    told = [each for each in findings if "oneDNN" in each]
    assert bool(told) is (words is not None)
    assert words is None or words in told[0]


def test_the_frontier_is_what_nothing_faster_is_as_right_as() -> None:
    study, _ = make_study(SPEEDS, wrong={"int8-static": 40, "fp16": 0})
    assert {each.precision for each in study.results if each.on_frontier} == {"int8-static", "fp16"} | (
        {"fp32"} if _faster(study, "fp32", "fp16") else set()
    )
    alone, _ = make_study(SPEEDS)
    assert {each.precision for each in alone.results if each.on_frontier} == {"int8-static"}


def _faster(study: QuantizationStudy, one: str, other: str) -> bool:
    return (_of(study, one).p99_ms or 0) < (_of(study, other).p99_ms or 0)


def test_what_is_invalid_is_neither_on_the_frontier_nor_recommended() -> None:
    study, _ = make_study(SPEEDS, invalid=("int8-static",))
    assert not _of(study, "int8-static").on_frontier
    assert study.recommendation is not None
    assert "int8-static" not in str(study.recommendation.deployment)


def test_the_fastest_is_recommended_with_how_right_it_surely_is() -> None:
    found = make_study(SPEEDS, wrong={"int8-static": 5})[0].recommendation
    assert found is not None
    assert found.deployment == "int8-static"
    assert found.shown
    assert "its accuracy lies between -" in found.sentence
    assert "no difference in accuracy shown" in found.sentence


def test_one_that_is_shown_to_lose_too_much_is_passed_over() -> None:
    strict = make_study(SPEEDS, wrong={"int8-static": 40})[0].recommendation
    assert strict is not None
    assert strict.deployment != "int8-static"
    (reason,) = (each for each in strict.passed_over if "int8-static" in each)
    assert "loses 8.2 points of accuracy" in reason
    lenient = make_study(SPEEDS, wrong={"int8-static": 40}, accuracy_loss=0.1)[0].recommendation
    assert lenient is not None
    assert lenient.deployment == "int8-static"


def test_without_true_labels_it_is_judged_by_its_agreement() -> None:
    study, _ = make_study(SPEEDS, truth=False, wrong={"int8-static": 43})
    small = _of(study, "int8-static")
    assert small.accuracy is None
    assert small.accuracy_change is None
    assert small.agreement == pytest.approx(410 / ITEMS)
    assert "agreement" in study.quality
    assert study.recommendation is not None
    assert study.recommendation.deployment != "int8-static"
    assert any("labels 91.1% as fp32 does" in each for each in study.recommendation.passed_over)
    assert any("labels 91.1% as fp32 does (95% " in each for each in study.findings)


def test_a_study_that_was_stopped_before_its_first_run_says_nothing() -> None:
    study, summary = make_study(SPEEDS)
    from tailbed.quantization import conclude

    nothing = conclude(
        summary.model_copy(update={"cells": []}),
        {},
        scenarios=(study.latency_scenario, study.throughput_scenario),
        accuracy_loss=0.005,
        processor="a processor",
    )
    assert (nothing.results, nothing.findings, nothing.recommendation) == ([], [], None)
