"""Distinct inputs of a model: made up from its specifications, and from a user's file."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import TensorSpec, check_tensors
from models.inputs import InputsError, from_npz, generate, is_batched, one_item

IMAGE = TensorSpec("image", "float32", ("batch", 1, 8, 8))
TOKENS = TensorSpec("tokens", "int64", ("batch", "axis1"))
DTYPES = ("float16", "float32", "float64", "int8", "uint8", "int64", "uint64", "bool")


@given(st.lists(st.sampled_from(DTYPES), min_size=1, max_size=3), st.integers(1, 5), st.integers(0, 99), st.booleans())
def test_made_up_inputs_fit_the_specifications(dtypes: list[str], items: int, seed: int, batched: bool):
    axes = ("batch", 2, "axis2") if batched else (3, 2, "axis2")
    specs = tuple(TensorSpec(f"input{index}", dtype, axes) for index, dtype in enumerate(dtypes))
    made = generate(specs, items, seed, batched=batched)
    assert is_batched(specs) == batched
    assert all(len(array) == items for array in made.values())
    for item in range(items):
        check_tensors(specs, one_item(made, item, batched=batched))
    again = generate(specs, items, seed, batched=batched)
    assert all(np.array_equal(made[name], again[name]) for name in made)


def test_made_up_inputs_are_distinct_small_and_not_negative():
    made = generate((IMAGE, TOKENS), 64, 1, batched=True)
    assert len(np.unique(made["image"].reshape(64, -1), axis=0)) == 64
    assert made["tokens"].min() >= 0
    assert made["tokens"].max() < 100


def test_axes_of_any_length_get_the_length_asked_for():
    assert generate((TOKENS,), 4, 0, batched=True, length=16)["tokens"].shape == (4, 16)
    assert generate((TOKENS,), 4, 0, batched=False, length=16)["tokens"].shape == (4, 1, 16)


@pytest.mark.parametrize(
    ("shapes", "batched"),
    [([("batch", 2), ("batch",)], True), ([(1, 2), ("batch", 3)], True), ([(8, 2), (8, 3)], False), ([()], False)],
)
def test_a_batch_axis_is_one_of_any_length_or_of_one(shapes: list[tuple[int | str, ...]], batched: bool):
    assert is_batched(tuple(TensorSpec("x", "float32", shape) for shape in shapes)) == batched


def test_a_users_own_inputs_are_taken_as_they_are(tmp_path: Path):
    images, tokens = np.ones((5, 1, 8, 8), np.float32), np.ones((5, 12), np.int64)
    np.savez(tmp_path / "own.npz", image=images, tokens=tokens)
    found = from_npz(tmp_path / "own.npz", (IMAGE, TOKENS), batched=True)
    assert np.array_equal(found["image"], images)
    assert np.array_equal(found["tokens"], tokens)


@pytest.mark.parametrize(
    ("arrays", "reason"),
    [
        ({"picture": np.zeros((2, 1, 8, 8), np.float32)}, "has arrays 'picture', but the model's inputs are 'image'"),
        ({}, "has arrays none"),
        ({"image": np.zeros((2, 1, 8, 8))}, "'image' has dtype float64, expected float32"),
        ({"image": np.zeros((2, 1, 8, 9), np.float32)}, r"shape \[2, 1, 8, 9\], expected \[items, 1, 8, 8\]"),
        ({"image": np.zeros((2, 64), np.float32)}, r"shape \[2, 64\], expected \[items, 1, 8, 8\]"),
        ({"image": np.zeros((0, 1, 8, 8), np.float32)}, "at least 1"),
    ],
)
def test_a_users_inputs_that_do_not_fit_get_one_line(tmp_path: Path, arrays: dict[str, np.ndarray], reason: str):
    np.savez(tmp_path / "own.npz", **arrays)
    with pytest.raises(InputsError, match=reason):
        from_npz(tmp_path / "own.npz", (IMAGE,), batched=True)


@pytest.mark.parametrize("content", [None, b"", b"not numpy's", b"PK\x03\x04 broken"])
def test_a_file_that_is_no_archive_gets_one_line(tmp_path: Path, content: bytes | None):
    path = tmp_path / "own.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputsError, match=r"own\.npz: (no such file|not an \.npz file)"):
        from_npz(path, (IMAGE,), batched=True)


def test_a_lone_array_is_no_archive(tmp_path: Path):
    with (tmp_path / "own.npz").open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(InputsError, match=r"not an \.npz file"):
        from_npz(tmp_path / "own.npz", (IMAGE,), batched=True)


def test_inputs_of_a_model_without_batches_have_an_axis_of_items_all_the_same(tmp_path: Path):
    np.savez(tmp_path / "own.npz", x=np.ones((5, 4, 2), np.float32))
    spec = TensorSpec("x", "float32", (4, 2))
    assert from_npz(tmp_path / "own.npz", (spec,), batched=False)["x"].shape == (5, 4, 2)
    np.savez(tmp_path / "own.npz", x=np.ones((4, 2), np.float32))
    with pytest.raises(InputsError, match=r"expected \[items, 4, 2\]"):
        from_npz(tmp_path / "own.npz", (spec,), batched=False)
