"""The request pool, written and read back as requests."""

from pathlib import Path

import numpy as np
import pytest

from loadtest import LoadError
from loadtest.inputs import read_pool, write_pool
from models import TensorSpec
from models.inputs import generate


def test_made_up_strings_can_be_stored_without_pickle(tmp_path: Path):
    made = generate((TensorSpec("text", "object", ("batch", 1)),), 3, 0, batched=True)
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


def test_an_item_without_axes_is_still_an_array(tmp_path: Path):
    np.savez(tmp_path / "pool.npz", **{"inputs/x": np.arange(3, dtype=np.float32)})
    item = read_pool(tmp_path / "pool.npz").request(2, batched=False)["x"]
    assert isinstance(item, np.ndarray)
    assert (item.shape, float(item)) == ((), 2.0)


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04 broken"])
def test_a_file_that_is_no_archive_is_no_pool(tmp_path: Path, content: bytes | None):
    if content is not None:
        (tmp_path / "pool.npz").write_bytes(content)
    with pytest.raises(LoadError, match=r"pool\.npz: (no such file|not an \.npz file)"):
        read_pool(tmp_path / "pool.npz")
