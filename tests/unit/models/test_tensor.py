import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import TensorMismatch, TensorSpec, check_tensors

IMAGE = TensorSpec("image", "float32", ("batch", 1, 8, 8))
MASK = TensorSpec("mask", "int64", ("batch", "length"))


@given(batch=st.integers(0, 9), length=st.integers(0, 9))
def test_symbolic_axes_take_any_length(batch: int, length: int) -> None:
    image, mask = np.zeros((batch, 1, 8, 8), np.float32), np.zeros((batch, length), np.int64)
    check_tensors((IMAGE, MASK), {"image": image, "mask": mask})


@given(shape=st.lists(st.integers(0, 9), max_size=5).map(tuple))
def test_any_other_shape_is_refused(shape: tuple[int, ...]) -> None:
    if len(shape) == 4 and shape[1:] == (1, 8, 8):
        return
    with pytest.raises(TensorMismatch, match=r"tensor 'image' has shape \[.*\], expected \[batch, 1, 8, 8\]"):
        IMAGE.check(np.zeros(shape, np.float32))


def test_another_dtype_is_refused() -> None:
    with pytest.raises(TensorMismatch, match="tensor 'image' has dtype float64, expected float32"):
        IMAGE.check(np.zeros((1, 1, 8, 8)))


def test_tensors_must_be_those_of_the_model() -> None:
    image = np.zeros((2, 1, 8, 8), np.float32)
    with pytest.raises(TensorMismatch, match="missing tensor 'mask'"):
        check_tensors((IMAGE, MASK), {"image": image})
    with pytest.raises(TensorMismatch, match="unknown tensor 'extra': the model has image"):
        check_tensors((IMAGE,), {"image": image, "extra": image})


def test_batch_sizes_must_agree() -> None:
    with pytest.raises(TensorMismatch, match=r"different batch sizes: \[2, 3\]"):
        check_tensors((IMAGE, MASK), {"image": np.zeros((2, 1, 8, 8), np.float32), "mask": np.zeros((3, 5), np.int64)})
