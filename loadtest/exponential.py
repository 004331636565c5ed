"""Exponential random numbers that are the same to the last bit on every machine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

_CHUNK: Final = 65_536
_LN2: Final = 0.6931471805599453
_SQRT_HALF: Final = 0.7071067811865476
_TERMS: Final = 11
"""Of atanh's series. Its argument is at most 0.1716, so that the first one left out is below 1e-18."""


def exponentials(seed: int) -> Iterator[np.ndarray]:
    """Independent draws with mean 1, without end, in chunks of float64 ``[65536]``, by inversion: ``-log(u)``.

    PCG64's doubles are exact, unlike numpy's exponential generator, which may change with its version.
    """
    random = np.random.Generator(np.random.PCG64(seed))
    while True:
        yield -_log(1.0 - random.random(_CHUNK))


def _log(x: np.ndarray) -> np.ndarray:
    """Natural logarithm of float64 in (0, 1], to a few units in the last place.

    Not numpy's: that takes other instructions, which round otherwise, on other processors. This one has only basic
    operations, which IEEE 754 defines to the last bit: ``log(m * 2**e) = e * log(2) + 2 * atanh((m - 1) / (m + 1))``.
    """
    mantissa, exponent = np.frexp(x)
    low = mantissa < _SQRT_HALF
    mantissa = np.where(low, 2.0 * mantissa, mantissa)
    exponent = np.where(low, exponent - 1, exponent)
    ratio = (mantissa - 1.0) / (mantissa + 1.0)
    square = ratio * ratio
    series = np.zeros_like(square)
    for term in range(_TERMS, -1, -1):
        series = series * square + 1.0 / (2 * term + 1)
    found: np.ndarray = exponent * _LN2 + 2.0 * ratio * series
    return found
