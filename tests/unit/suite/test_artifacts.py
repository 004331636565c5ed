"""Which artifacts a suite serves."""

import pytest

from exporters import exporters_of
from models import MODELS, UnknownName
from tailbed.suite.artifacts import crossed, named, precisions_of


def test_all_formats_are_those_of_the_model() -> None:
    found = [format for _, format, _ in crossed(("digits",), ("all",), ("fp32",))]
    assert found == list(exporters_of(MODELS.get("digits")))


def test_all_precisions_are_those_of_the_format() -> None:
    found = [precision for _, _, precision in crossed(("digits",), ("onnx",), ("all",))]
    assert found == list(precisions_of(MODELS.get("digits"), "onnx"))
    assert {"fp32", "int8-dynamic", "int8-static"} <= set(found)


def test_a_model_without_a_calibration_set_has_no_static_quantization() -> None:
    model = next(model for name in MODELS.names() if (model := MODELS.get(name)).calibration is None)
    assert "int8-static" not in precisions_of(model, "onnx")


def test_an_artifact_by_name_is_in_fp32_unless_it_says_otherwise() -> None:
    assert named("digits/onnx") == ("digits", "onnx", "fp32")
    assert named("digits/onnx/int8-static") == ("digits", "onnx", "int8-static")


@pytest.mark.parametrize(
    ("ref", "line"),
    [
        ("digits", "'digits' is no artifact: name one as model/format"),
        ("digits/onnx/fp32/more", "is no artifact"),
        ("digit/onnx", "unknown model 'digit': choose from "),
        ("digits/onxx", "unknown format 'onxx' of digits: choose from "),
        ("digits/onnx/fp3", "digits/onnx has no 'fp3': choose from fp32"),
    ],
)
def test_what_cannot_be_is_one_line(ref: str, line: str) -> None:
    with pytest.raises(UnknownName, match=line):
        named(ref)
