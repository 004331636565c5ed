"""Made-up images with the structure of photographs: coarse and fine shades, an oriented pattern, noise.

Like the random weights they are the same on every machine: no operation is used that may round differently.
"""

from __future__ import annotations

import numpy as np

_MEAN = np.array([0.485, 0.456, 0.406], np.float32)[:, np.newaxis, np.newaxis]
_DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)[:, np.newaxis, np.newaxis]
"""Of the pixels of ImageNet, by which images are normalized."""

_CELLS = (2, 4, 8, 16)
"""Cells along a side of the grids that the shades are interpolated from."""


def synthetic_images(items: int, size: int, seed: int) -> np.ndarray:
    """Normalized images, float32 ``[items, 3, size, size]``, every one different."""
    random = np.random.Generator(np.random.Philox(seed))
    return np.stack([_image(random, size) for _ in range(items)])


def _image(random: np.random.Generator, size: int) -> np.ndarray:
    """Contrast and colour vary within bounds: no image is far outside of what 32 others tell about the activations."""
    pixels = _uniform(random, 0.3, 0.7, 3, 1, 1)
    for cells in _CELLS:
        shades = _uniform(random, -0.3, 0.3, 3, cells + 1, cells + 1)
        pixels = pixels + _uniform(random, 0.5, 1, 3, 1, 1) * _enlarged(shades, size)
    pixels += _uniform(random, -0.25, 0.25, 3, 1, 1) * _stripes(random, size)
    pixels += _uniform(random, 0.02, 0.12, 1) * _uniform(random, -1, 1, 3, size, size)
    # As in a file: 256 levels.
    levels: np.ndarray = np.rint(np.clip(pixels, 0, 1) * np.float32(255)) / np.float32(255)
    return (levels - _MEAN) / _DEVIATION


def _enlarged(grid: np.ndarray, size: int) -> np.ndarray:
    """Interpolate linearly a grid ``[channels, points, points]`` to ``[channels, size, size]``."""
    position = np.arange(size, dtype=np.float32) * np.float32((grid.shape[1] - 1) / size)
    before = position.astype(np.int64)
    share = position - before.astype(np.float32)
    rows = grid[:, before] * (1 - share)[:, np.newaxis] + grid[:, before + 1] * share[:, np.newaxis]
    enlarged: np.ndarray = rows[:, :, before] * (1 - share) + rows[:, :, before + 1] * share
    return enlarged


def _stripes(random: np.random.Generator, size: int) -> np.ndarray:
    """A triangular wave from -0.5 to 0.5 of any direction, up to 16 periods along a side: ``[size, size]``."""
    down, across = _uniform(random, -16, 16, 2)
    phase = np.arange(size, dtype=np.float32) / np.float32(size)
    turn = (phase[:, np.newaxis] * down + phase * across) % 1
    stripes: np.ndarray = np.abs(turn * 2 - 1) - np.float32(0.5)
    return stripes


def _uniform(random: np.random.Generator, low: float, high: float, *shape: int) -> np.ndarray:
    drawn = random.random(shape, dtype=np.float32)
    return drawn * np.float32(high - low) + np.float32(low)
