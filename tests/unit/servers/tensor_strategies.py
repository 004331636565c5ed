"""Tensors of every datatype and shape, for the codecs."""

from collections.abc import Callable

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as stnp

from servers.oip.datatypes import BYTES, DATATYPES, to_numpy
from servers.oip.errors import OipError

SHAPES = stnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)


@st.composite
def arrays(draw: st.DrawFn, *, finite: bool = False, text: bool = False) -> np.ndarray:
    """An array; ``finite`` leaves out NaN and infinity, ``text`` makes elements of BYTES valid UTF-8."""
    datatype = draw(st.sampled_from(DATATYPES))
    shape = draw(SHAPES)
    if datatype == BYTES:
        elements = st.text(max_size=6).map(str.encode) if text else st.binary(max_size=6)
        count = int(np.prod(shape))
        array = np.empty(count, dtype=np.object_)
        array[:] = draw(st.lists(elements, min_size=count, max_size=count))
        return array.reshape(shape)
    dtype = to_numpy(datatype)
    limits = {"allow_nan": not finite, "allow_infinity": not finite} if dtype.kind == "f" else {}
    return draw(stnp.arrays(dtype, shape, elements=stnp.from_dtype(dtype, **limits)))


def tensors(*, finite: bool = False, text: bool = False) -> st.SearchStrategy[dict[str, np.ndarray]]:
    """Named arrays, as a message has them."""
    return st.dictionaries(st.text(max_size=8), arrays(finite=finite, text=text), max_size=4)


def same(left: dict[str, np.ndarray], right: dict[str, np.ndarray]) -> None:
    """Assert that names, order, dtypes, shapes and every bit of the values are the same."""
    assert list(left) == list(right)
    for name, array in left.items():
        other = right[name]
        assert (array.dtype, array.shape) == (other.dtype, other.shape)
        assert array.tolist() == other.tolist() or array.tobytes() == other.tobytes()


def survives(decode: Callable[..., object], *arguments: object) -> None:
    """Assert that a decoder reads its arguments or refuses them in one line."""
    line = ""
    try:
        decode(*arguments)
    except OipError as error:
        line = str(error)
    assert "\n" not in line
