"""Random weights for networks of convolutions: the same bytes on every machine.

Only what IEEE 754 defines exactly is computed: uniform draws, sums without rounding, and one operation an element.
"""

from __future__ import annotations

import math

import numpy as np

RECTIFIED_VARIANCE = 0.5 - 0.5 / math.pi
"""Of ``max(x, 0)`` for a standard normal ``x``."""

_SPREAD = 0.2
_SCORE_GAIN = 6.0
"""Averaged over an image, features differ little from one image to another: this makes scores of about 1 to 10."""


class RandomWeights:
    """Fills ``tensors`` layer by layer from one seed.

    Convolutions and dense layers are drawn by He et al., "Delving Deep into Rectifiers" (2015), uniformly, with
    variance ``2 / fan_out``, and each filter's mean is then taken out. Rectified inputs are all positive: without
    that their common mean would be most of every output, and deep in the network all images would look alike.
    """

    def __init__(self, seed: int) -> None:
        self.tensors: dict[str, np.ndarray] = {}
        self._generator = np.random.Generator(np.random.Philox(seed))

    def convolution(self, name: str, shape: tuple[int, ...], *, centred: bool = True) -> None:
        """A kernel ``[outputs, inputs, height, width]``; outputs have ``2 * inputs / outputs`` the inputs' variance."""
        fan_out = shape[0] * math.prod(shape[2:])
        self.tensors[f"{name}.weight"] = self._filters(shape, math.sqrt(2 / fan_out), centred=centred)

    def norm(self, name: str, channels: int, *, variance: float, gain: float = 1.0) -> None:
        """A batch normalization of inputs with mean 0 and the given variance, to a standard deviation of ``gain``.

        Every parameter is drawn from a range, so that one that is lost or mixed up changes the outputs.
        """
        deviation = math.sqrt(variance)
        self.tensors[f"{name}.weight"] = self._around(gain, _SPREAD * gain, channels)
        self.tensors[f"{name}.bias"] = self._around(0, _SPREAD * gain, channels)
        self.tensors[f"{name}.running_mean"] = self._around(0, _SPREAD * deviation, channels)
        self.tensors[f"{name}.running_var"] = self._around(variance, _SPREAD * variance, channels)

    def dense(self, name: str, shape: tuple[int, int]) -> None:
        """A matrix ``[outputs, inputs]``; outputs have ``_SCORE_GAIN ** 2`` times the inputs' mean variance."""
        self.tensors[f"{name}.weight"] = self._filters(shape, _SCORE_GAIN / math.sqrt(shape[1]), centred=True)
        self.tensors[f"{name}.bias"] = self._around(0, _SPREAD, shape[0])

    def _filters(self, shape: tuple[int, ...], deviation: float, *, centred: bool) -> np.ndarray:
        drawn = self._generator.random(shape, dtype=np.float32).astype(np.float64).reshape(shape[0], -1)
        # A draw is a multiple of 2 ** -24: float64 adds up millions of them exactly, whatever the order.
        drawn -= drawn.mean(axis=1, keepdims=True) if centred else 0.5
        drawn *= deviation * math.sqrt(12)
        return drawn.astype(np.float32).reshape(shape)

    def _around(self, centre: float, spread: float, count: int) -> np.ndarray:
        drawn = self._generator.random(count, dtype=np.float32).astype(np.float64)
        return ((drawn * 2 - 1) * spread + centre).astype(np.float32)
