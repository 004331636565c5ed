import hashlib

import numpy as np

from models import MODELS, check_tensors
from models.digits.data import load_split

MODEL = MODELS.get("digits")


def test_the_split_is_fixed_and_stratified() -> None:
    train, held_out = load_split()
    assert (len(train.labels), len(held_out.labels)) == (1347, 450)
    share = np.bincount(held_out.labels) / np.bincount(np.concatenate([train.labels, held_out.labels]))
    assert np.all(np.abs(share - 450 / 1797) < 0.005)
    digest = hashlib.sha256(held_out.images.tobytes() + held_out.labels.tobytes()).hexdigest()
    assert digest == "35dd0961baaaedb40454e3f7a5796f6b7cd16d99bded9fe797a67bbc2a59ac0b", (
        "another split: results are no longer comparable"
    )


def test_no_held_out_image_is_trained_on() -> None:
    train, held_out = load_split()
    trained = {image.tobytes() for image in train.images}
    assert not any(image.tobytes() in trained for image in held_out.images)


def test_the_evaluation_set_is_the_held_out_part() -> None:
    evaluation, held_out = MODEL.evaluation(), load_split()[1]
    check_tensors(MODEL.inputs, evaluation.inputs)
    assert np.array_equal(evaluation.inputs["image"], held_out.images)
    assert evaluation.labels is not None
    assert evaluation.labels.dtype == np.int64
    assert set(evaluation.labels.tolist()) == set(range(10))
    assert (evaluation.inputs["image"].min(), evaluation.inputs["image"].max()) == (0, 1)
