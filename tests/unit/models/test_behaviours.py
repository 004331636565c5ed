import numpy as np
import pytest

from models import MODELS, Behaviour, check_tensors
from models.digits.data import load_split

DIGITS = MODELS.get("digits")
PROTOTYPES, MOVED, FAINT = DIGITS.behaviours()
HELD_OUT = load_split()[1].images


def _passed(behaviour: Behaviour, scores: np.ndarray) -> np.ndarray:
    passed = behaviour.judge({"scores": scores.astype(np.float32)})
    assert passed.dtype == np.bool_
    return passed


def test_there_is_one_of_each_kind() -> None:
    assert [check.kind for check in (PROTOTYPES, MOVED, FAINT)] == [
        "minimum functionality",
        "invariance",
        "directional",
    ]
    for check in (PROTOTYPES, MOVED, FAINT):
        check_tensors(DIGITS.inputs, check.inputs)
        image = check.inputs["image"]
        assert 0 <= image.min() < image.max() <= 1


def test_the_trained_network_behaves() -> None:
    source = DIGITS.source("pytorch")
    share = [float(check.judge(source.predict(check.inputs)).mean()) for check in (PROTOTYPES, MOVED, FAINT)]
    assert share[0] == 1
    assert share[1] > 0.8
    assert share[2] > 0.95


def test_a_prototype_passes_only_as_its_own_class() -> None:
    assert _passed(PROTOTYPES, np.eye(10)).all()
    assert _passed(PROTOTYPES, np.roll(np.eye(10), 1, axis=1)).sum() == 0


def test_a_moved_digit_has_all_of_its_ink() -> None:
    images = MOVED.inputs["image"][:, 0]
    original, moved = images[: len(HELD_OUT)], images[len(HELD_OUT) :]
    assert np.array_equal(original, HELD_OUT[:, 0])
    assert len(moved) == len(_passed(MOVED, np.zeros((len(images), 10))))
    known = {image.tobytes() for image in original}
    for image in moved:
        back = [np.pad(image, ((0, 0), (1, 0)))[:, :-1], np.pad(image, ((0, 0), (0, 1)))[:, 1:]]
        assert any(one.tobytes() in known for one in back)


def test_a_moved_digit_passes_if_it_is_read_as_it_was() -> None:
    items = len(MOVED.inputs["image"])
    scores = np.zeros((items, 10))
    scores[:, 4] = 1
    assert _passed(MOVED, scores).all()
    scores[len(HELD_OUT), 5] = 2
    assert np.flatnonzero(~_passed(MOVED, scores)).tolist() == [0]


@pytest.mark.parametrize(("lead", "passes"), [(2.0, True), (3.0, False), (4.0, False), (-1.0, True)])
def test_a_faint_digit_passes_if_its_lead_is_smaller(lead: float, passes: bool) -> None:
    cases = len(HELD_OUT)
    scores = np.zeros((2 * cases, 10))
    scores[:cases, 7] = 3
    scores[cases:, 7] = lead
    assert _passed(FAINT, scores).all() == passes
    assert np.allclose(FAINT.inputs["image"][cases:], FAINT.inputs["image"][:cases] / 2)
