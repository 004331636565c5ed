"""Holm's step-down correction: of several comparisons some look different by chance alone."""

from __future__ import annotations

import numpy as np


def holm(p_values: np.ndarray) -> np.ndarray:
    """Adjusted p-values that keep the chance of even one false claim at the level they are compared with.

    Holm (1979), A Simple Sequentially Rejective Multiple Test Procedure. The k-th smallest of m (from 0) is
    multiplied by m - k, and none may fall below the one before it.

    Args:
        p_values: float ``[comparisons]``, in any order.

    Returns:
        float ``[comparisons]`` in the same order, at most 1.
    """
    order = np.argsort(p_values)
    stepped = np.maximum.accumulate(p_values[order] * np.arange(len(p_values), 0, -1))
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted
