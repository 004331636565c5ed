import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters import PRECISIONS, TOLERANCES, Exporter, ExportError, all_exporters
from exporters.artifact import Determinism
from exporters.verification import accuracy, answer_tolerance, compare, determinism, judge, predict_in_batches
from models import Behaviour, Tensors, TensorSpec

SCORES = TensorSpec("scores", "float32", ("batch", 3))
EXPECTED = {"scores": np.array([[1, 5, 2], [7, 0, 3]], np.float32)}


def _changed(value: float) -> dict[str, np.ndarray]:
    scores = EXPECTED["scores"].copy()
    scores[1, 2] = value
    return {"scores": scores}


def test_equal_outputs() -> None:
    parity = compare((SCORES,), EXPECTED, EXPECTED, tolerance=0)
    assert (parity.max_abs_diff, parity.label_agreement, parity.items) == (0, 1, 2)


def test_a_difference_within_the_tolerance_is_told() -> None:
    parity = compare((SCORES,), _changed(3.5), EXPECTED, tolerance=0.5)
    assert (parity.max_abs_diff, parity.label_agreement) == (0.5, 1)


def test_labels_that_change_within_the_tolerance_are_told() -> None:
    parity = compare((SCORES,), _changed(8), EXPECTED, tolerance=10)
    assert parity.label_agreement == 0.5


def test_a_difference_beyond_the_tolerance_fails() -> None:
    with pytest.raises(ExportError, match=r"'scores' differs .* by 0.5, tolerance 0.42, first at item 1$"):
        compare((SCORES,), _changed(3.5), EXPECTED, tolerance=0.06)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_fails_on_either_side(value: float) -> None:
    for found, expected in ((_changed(value), EXPECTED), (EXPECTED, _changed(value)), (_changed(value),) * 2):
        with pytest.raises(ExportError, match="not finite, first at item 1"):
            compare((SCORES,), found, expected, tolerance=np.inf)


@pytest.mark.parametrize(
    ("found", "line"),
    [
        ({}, "missing tensor 'scores'"),
        ({"score": EXPECTED["scores"]}, "missing tensor 'scores'"),
        ({"scores": EXPECTED["scores"].astype(np.float64)}, "dtype float64, expected float32"),
        ({"scores": EXPECTED["scores"][:, :2]}, r"shape \[2, 2\], expected \[batch, 3\]"),
        ({"scores": EXPECTED["scores"][:1]}, r"shape \[1, 3\], the source's \[2, 3\]"),
    ],
)
def test_outputs_of_another_form_fail(found: Tensors, line: str) -> None:
    with pytest.raises(ExportError, match=line):
        compare((SCORES,), found, EXPECTED, tolerance=np.inf)


def test_every_output_counts() -> None:
    more = TensorSpec("more", "float32", ("batch",))
    expected = EXPECTED | {"more": np.array([0, 1], np.float32)}
    parity = compare((SCORES, more), expected | {"more": np.array([0, 1.25], np.float32)}, expected, tolerance=1)
    assert parity.max_abs_diff == 0.25


def test_accuracy_is_the_share_of_right_labels() -> None:
    assert accuracy(EXPECTED["scores"], np.array([1, 2])) == 0.5


@given(items=st.integers(1, 20), batch=st.integers(1, 25))
def test_batches_cover_every_item_in_order(items: int, batch: int) -> None:
    sizes = []

    def double(inputs: Tensors) -> Tensors:
        sizes.append(len(inputs["x"]))
        return {"y": inputs["x"] * 2}

    outputs = predict_in_batches(double, {"x": np.arange(items)}, batch=batch)
    assert outputs["y"].tolist() == [2 * item for item in range(items)]
    assert max(sizes) <= batch


def test_every_precision_has_a_tolerance() -> None:
    assert set(TOLERANCES) == set(PRECISIONS)


@pytest.mark.parametrize("exporter", all_exporters(), ids=lambda exporter: f"{exporter.framework}-{exporter.format}")
def test_an_exporter_knows_its_precisions_apart(exporter: Exporter) -> None:
    assert exporter.precisions
    assert set(exporter.precisions) <= set(PRECISIONS)
    assert set(exporter.unsupported) <= set(PRECISIONS) - set(exporter.precisions)
    assert all(exporter.unsupported.values())


def test_the_tolerance_is_a_share_of_the_sources_largest_output() -> None:
    large = {"scores": EXPECTED["scores"] * 100}  # 700 at most
    off = {"scores": large["scores"] + 69}
    assert compare((SCORES,), off, large, tolerance=0.1).scale == 700
    with pytest.raises(ExportError, match="by 69, tolerance 63"):
        compare((SCORES,), off, large, tolerance=0.09)
    nothing = {"scores": EXPECTED["scores"] * 0}
    assert compare((SCORES,), nothing, nothing, tolerance=0.1).scale == 1, "which a share can be taken of"


def test_an_artifact_that_answers_nothing_is_no_small_difference() -> None:
    small = {"scores": EXPECTED["scores"] / 100}
    with pytest.raises(ExportError, match=r"by 0\.07, tolerance 0\.0175"):
        compare((SCORES,), {"scores": small["scores"] * 0}, small, tolerance=0.25)
    off = {"scores": small["scores"] + np.float32(9e-5)}
    assert compare((SCORES,), off, small, tolerance=1e-4).max_abs_diff < 1e-4, "which is always allowed"


def test_determinism_tells_repetition_and_batches_apart() -> None:
    calls = []

    def run(inputs: Tensors) -> Tensors:
        calls.append(len(inputs["x"]))
        drift = 0.5 if len(calls) == 2 else 0.0
        return {"y": inputs["x"] + drift + 0.25 * (len(inputs["x"]) == 1)}

    found = determinism(run, {"x": np.zeros(20)})
    assert (found.repeat_max_abs_diff, found.batch_max_abs_diff) == (0.5, 0.25)
    assert found.by_output == {"y": 0.5}
    assert calls == [8, 8, *[1] * 8]


def test_a_servers_answer_may_differ_by_rounding_or_by_what_batches_do() -> None:
    answers = {"scores": np.array([[-20.0, 3]]), "label": np.array([900]), "share": np.array([[0.5]])}
    same = Determinism(repeat_max_abs_diff=0, batch_max_abs_diff=0, by_output={})
    assert answer_tolerance("fp32", answers, same) == pytest.approx({"scores": 2e-3, "label": 0, "share": 5e-5})
    assert answer_tolerance("int8-dynamic", answers, same) == pytest.approx({"scores": 0.2, "label": 0, "share": 5e-3})
    moved = Determinism(repeat_max_abs_diff=0, batch_max_abs_diff=0.1, by_output={"scores": 0.1, "label": 9})
    assert answer_tolerance("int8-static", answers, moved) == pytest.approx({"scores": 0.4, "label": 0, "share": 5e-3})


def test_answers_that_never_come_again_do_not_make_all_answers_right() -> None:
    answers = {"scores": np.array([[-20.0, 3]])}
    wild = Determinism(repeat_max_abs_diff=30, batch_max_abs_diff=30, by_output={"scores": 30})
    assert answer_tolerance("fp32", answers, wild) == pytest.approx({"scores": 2e-3})


def test_behaviours_are_counted() -> None:
    inputs = {"x": np.arange(5)}
    behaviour = Behaviour("at least two", "directional", inputs, lambda outputs: outputs["y"] >= 2)
    (result,) = judge(lambda tensors: {"y": tensors["x"]}, (behaviour,))
    assert (result.name, result.kind, result.passed, result.cases) == ("at least two", "directional", 3, 5)
