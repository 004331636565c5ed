"""The request pool, written and read back as requests."""

from pathlib import Path

import numpy as np
import pytest

from loadtest import LoadError
from loadtest.inputs import described, read_pool, requests, write_pool
from models import TensorSpec
from models.inputs import InputsError, generate
from servers import EndpointError
from servers.oip.metadata import ModelMetadata


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


def test_requests_are_a_users_own_or_made_up(tmp_path: Path):
    path = tmp_path / "mine.npz"
    np.savez(path, x=np.ones((5, 3), np.float32))
    told = ModelMetadata("m", "", (TensorSpec("x", "float32", ("batch", 3)),), ())
    own = requests("m", told, path, items=2, seed=0, batched=True)
    assert own["x"].tolist() == np.ones((5, 3)).tolist()
    assert requests("m", told, None, items=2, seed=0, batched=True)["x"].shape == (2, 3)
    other = ModelMetadata("m", "", (TensorSpec("x", "float32", ("batch", 4)),), ())
    with pytest.raises(InputsError, match=r"mine.npz: array 'x' has shape \[5, 3\]"):
        requests("m", other, path, items=2, seed=0, batched=True)


def test_where_the_server_does_not_tell_its_tensors_a_user_has_to(tmp_path: Path):
    silent = ModelMetadata("m", "", (), ())
    with pytest.raises(LoadError, match="does not say what 'm' takes: give inputs with --inputs FILE"):
        requests("m", silent, None, items=2, seed=0, batched=True)
    path = tmp_path / "mine.npz"
    np.savez(path, x=np.ones((5, 3), np.float32))
    assert requests("m", silent, path, items=2, seed=0, batched=True).keys() == {"x"}
    np.savez(path, x=np.ones((5, 3)), y=np.ones(4))
    with pytest.raises(InputsError, match="the same number of items"):
        requests("m", silent, path, items=2, seed=0, batched=True)


@pytest.mark.parametrize("ready", [True, False])
def test_a_model_that_nobody_describes_is_asked_with_a_users_inputs_if_it_is_there(tmp_path: Path, ready: bool):
    class Foreign:
        def metadata(self, model: str) -> ModelMetadata:
            raise EndpointError(f"http://a:1: {model} is not described")

        def ready(self, _: str) -> bool:
            return ready

    if ready:
        assert described(Foreign(), "m", tmp_path / "mine.npz").inputs == ()
        with pytest.raises(LoadError, match="m is not described: give inputs with --inputs FILE"):
            described(Foreign(), "m", None)
    else:
        with pytest.raises(EndpointError, match=r"m is not described$"):
            described(Foreign(), "m", tmp_path / "mine.npz")
