"""How an artifact labels each item, as it is kept beside it."""

from pathlib import Path

import numpy as np
import pytest

from exporters.evaluation import Evaluation, EvaluationError, digest_of, labels_of

INPUTS = {"x": np.arange(6, dtype=np.float32).reshape(3, 2)}
SCORES = np.array([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]], np.float32)


@pytest.mark.parametrize("truth", [np.array([1, 1, 1]), None])
def test_what_is_stored_is_read_again(tmp_path: Path, truth: np.ndarray | None) -> None:
    made = Evaluation.of(INPUTS, SCORES, truth)
    made.write(tmp_path / "evaluation.npz")
    read = Evaluation.read(tmp_path / "evaluation.npz")
    assert (read.items, read.digest) == (3, digest_of(INPUTS))
    assert read.predicted is not None
    assert read.predicted.tolist() == [1, 0, 1]
    if truth is None:
        assert read.truth is None
        assert read.right is None
    else:
        assert read.right is not None
        assert read.right.tolist() == [True, False, True]


def test_nothing_of_it_is_a_pickle(tmp_path: Path) -> None:
    Evaluation.of(INPUTS, SCORES, None).write(tmp_path / "evaluation.npz")
    with np.load(tmp_path / "evaluation.npz", allow_pickle=False) as stored:
        assert sorted(stored.files) == ["digest", "items", "predicted"]


@pytest.mark.parametrize(
    ("scores", "labels"),
    [
        (np.array([3, 1]), [3, 1]),
        (np.array([[1.5], [2.5]]), None),
        (np.array([1.5, 2.5]), None),
        (np.zeros((2, 3, 4)), None),
        (np.array([[0.0, 1.0], [1.0, 0.0]]), [1, 0]),
    ],
)
def test_outputs_that_are_no_labels_have_none(scores: np.ndarray, labels: list[int] | None) -> None:
    found = labels_of(scores)
    assert (None if found is None else found.tolist()) == labels


@pytest.mark.parametrize("content", [b"", b"PK", b"no archive"])
def test_a_damaged_file_is_told_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "evaluation.npz"
    path.write_bytes(content)
    with pytest.raises(EvaluationError, match=r"evaluation\.npz: no outcome") as raised:
        Evaluation.read(path)
    assert "\n" not in str(raised.value)


def test_other_items_have_another_digest() -> None:
    other = {"x": INPUTS["x"] + 1}
    assert digest_of(INPUTS) != digest_of(other)
    assert digest_of(INPUTS) != digest_of({"y": INPUTS["x"]})
    assert digest_of(INPUTS) == digest_of({"x": INPUTS["x"].copy()})
