"""What a study measures."""

import pytest

from models import UnknownName
from tailbed.quantization import Asked, QuantizationError, expected_s, scenarios_of, suite_of, wanted

REFS = ["digits/onnx/fp32", "digits/onnx/fp16", "digits/onnx/int8-dynamic", "digits/onnx/int8-static"]


def _precisions(asked: Asked) -> list[str]:
    return ["/".join(ref[1:]) for ref in wanted(asked)[0]]


def test_fp32_comes_with_every_precision() -> None:
    assert _precisions(Asked("digits", formats=("onnx",), precisions=("int8-static",))) == [
        "onnx/fp32",
        "onnx/int8-static",
    ]
    assert _precisions(Asked("digits", artifacts=("digits/tflite/fp16", "digits/onnx/int8-static"))) == [
        "tflite/fp32",
        "tflite/fp16",
        "onnx/fp32",
        "onnx/int8-static",
    ]


def test_all_formats_with_another_precision_are_there_by_default() -> None:
    found = _precisions(Asked("digits"))
    assert {"onnx/fp32", "onnx/int8-static-signed", "openvino/bf16", "tflite/int8-dynamic"} <= set(found)
    for format in {name.partition("/")[0] for name in found}:
        assert sum(name.startswith(f"{format}/") for name in found) > 1, "nothing to compare it with"


def test_a_precision_that_some_formats_lack_is_taken_of_the_others() -> None:
    found = _precisions(Asked("digits", precisions=("int8-static-signed",)))
    assert {name for name in found if name.endswith("signed")} >= {"onnx/int8-static-signed"}
    assert not any(name.startswith("tflite") for name in found)


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        (Asked("no-model"), "unknown model 'no-model'"),
        (Asked("digits", stack="no-stack"), "no-stack"),
        (Asked("digits", formats=("no-format",)), "unknown format 'no-format'"),
        (Asked("digits", precisions=("int4",)), "no 'int4' of digits: choose from fp32"),
        (Asked("digits", artifacts=("resnet18/onnx",)), "resnet18/onnx/fp32 is not of digits"),
        (Asked("digits", formats=("onnx",), precisions=("fp32",)), "nothing of digits to compare with fp32"),
    ],
)
def test_what_cannot_be_is_told_in_one_line(asked: Asked, line: str) -> None:
    with pytest.raises((QuantizationError, UnknownName)) as raised:
        wanted(asked)
    assert line in str(raised.value)
    assert "\n" not in str(raised.value)


def test_there_are_as_many_blocks_as_can_show_a_difference() -> None:
    asked = Asked("digits")
    assert suite_of(asked, REFS[:2], 0.1).blocks == 6
    assert suite_of(asked, REFS, 0.1).blocks == 7
    assert suite_of(Asked("digits", blocks=3), REFS, 0.1).blocks == 3


def test_a_slow_model_is_measured_for_longer_and_none_for_ever() -> None:
    asked = Asked("digits")
    short, long, longest = (suite_of(asked, REFS, slowest).duration_s for slowest in (0.1, 10.0, 10_000.0))
    assert short < long < longest == 60
    assert long * 1e3 / 10 >= 2 * 662, "requests for a P99, with a margin"
    assert suite_of(Asked("digits", duration_s=5.0), REFS, 10.0).duration_s == 5


def test_the_time_told_grows_with_all_that_takes_time() -> None:
    suite = suite_of(Asked("digits"), REFS, 0.1)
    told = expected_s(suite, [0.1] * 4)
    assert told > suite.blocks * len(suite.scenarios) * 4 * (suite.warmup_s + suite.duration_s)
    assert expected_s(suite, [5.0] * 4) > told


def test_its_loads_are_known_again() -> None:
    suite = suite_of(Asked("digits"), REFS, 0.1)
    assert scenarios_of(suite) == ("closed x1", "closed x4")
    with pytest.raises(QuantizationError, match="not one of 'tailbed quantize'"):
        scenarios_of(suite.model_copy(update={"scenarios": suite.scenarios[:1]}))
