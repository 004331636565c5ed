"""The request pool: made up from metadata, from a user's file, and read back as requests."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest import LoadError
from loadtest.inputs import from_npz, generate, is_batched, read_pool, write_pool
from models import TensorSpec, check_tensors

IMAGE = TensorSpec("image", "float32", ("batch", 1, 8, 8))
TOKENS = TensorSpec("tokens", "int64", ("batch", "axis1"))
DTYPES = ("float16", "float32", "float64", "int8", "uint8", "int64", "uint64", "bool")


@given(st.lists(st.sampled_from(DTYPES), min_size=1, max_size=3), st.integers(1, 5), st.integers(0, 99), st.booleans())
def test_made_up_inputs_fit_the_specifications(dtypes: list[str], items: int, seed: int, batched: bool):
    axes = ("batch", 2, "axis2") if batched else (3, 2, "axis2")
    specs = tuple(TensorSpec(f"input{index}", dtype, axes) for index, dtype in enumerate(dtypes))
    made = generate(specs, items, seed)
    assert is_batched(specs) == batched
    assert all(len(array) == items for array in made.values())
    for item in range(items):
        request = {name: array[item : item + 1] if batched else array[item] for name, array in made.items()}
        check_tensors(specs, request)
    again = generate(specs, items, seed)
    assert all(np.array_equal(made[name], again[name]) for name in made)


def test_made_up_inputs_are_distinct_small_and_not_negative():
    made = generate((IMAGE, TOKENS), 64, 1)
    assert len(np.unique(made["image"].reshape(64, -1), axis=0)) == 64
    assert made["tokens"].min() >= 0
    assert made["tokens"].max() < 100


def test_made_up_strings_can_be_stored_without_pickle(tmp_path: Path):
    made = generate((TensorSpec("text", "object", ("batch", 1)),), 3, 0)
    write_pool(tmp_path / "pool.npz", made)
    assert read_pool(tmp_path / "pool.npz").inputs["text"].tolist() == made["text"].tolist()


def test_a_pool_gives_requests_and_answers_of_one_item(tmp_path: Path):
    path = tmp_path / "pool.npz"
    np.savez(path, **{"inputs/x": np.arange(6).reshape(3, 2), "outputs/y": np.arange(3)})
    pool = read_pool(path)
    assert len(pool) == 3
    assert pool.request(1, batched=True)["x"].tolist() == [[2, 3]]
    assert pool.request(1, batched=False)["x"].tolist() == [2, 3]
    assert pool.answer(2, batched=True)["y"].tolist() == [2]


@pytest.mark.parametrize(
    ("arrays", "reason"),
    [
        ({"x": np.zeros(3)}, "no array called inputs/NAME"),
        ({"inputs/x": np.zeros((3, 2)), "inputs/y": np.zeros((2, 2))}, "same number of items"),
        ({"inputs/x": np.zeros((0, 2))}, "at least 1"),
        ({"inputs/x": np.float32(1)}, "at least 1"),
    ],
)
def test_what_is_no_pool_gets_one_line(tmp_path: Path, arrays: dict[str, np.ndarray], reason: str):
    np.savez(tmp_path / "pool.npz", **arrays)
    with pytest.raises(LoadError, match=reason):
        read_pool(tmp_path / "pool.npz")


def test_a_users_own_inputs_are_taken_as_they_are(tmp_path: Path):
    images, tokens = np.ones((5, 1, 8, 8), np.float32), np.ones((5, 12), np.int64)
    np.savez(tmp_path / "own.npz", image=images, tokens=tokens)
    found = from_npz(tmp_path / "own.npz", (IMAGE, TOKENS))
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
    with pytest.raises(LoadError, match=reason):
        from_npz(tmp_path / "own.npz", (IMAGE,))


@pytest.mark.parametrize("content", [None, b"", b"not numpy's", b"PK\x03\x04 broken"])
def test_a_file_that_is_no_archive_gets_one_line(tmp_path: Path, content: bytes | None):
    path = tmp_path / "own.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(LoadError, match=r"own\.npz: (no such file|not an \.npz file)"):
        from_npz(path, (IMAGE,))


def test_a_lone_array_is_no_archive(tmp_path: Path):
    with (tmp_path / "own.npz").open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(LoadError, match=r"not an \.npz file"):
        from_npz(tmp_path / "own.npz", (IMAGE,))
