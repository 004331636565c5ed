"""The packages that decide what a fitted classifier computes, by the names that they are installed under."""

from __future__ import annotations

from models.packages import first_installed

_SKLEARN = ("scikit-learn", "scipy", "numpy")


def distributions(framework: str) -> tuple[str, ...]:
    """Those of ``sklearn``, ``lightgbm`` or ``xgboost``. The data, and the face of all three, are scikit-learn's."""
    if framework == "xgboost":
        return (first_installed("xgboost-cpu", "xgboost"), *_SKLEARN)
    return ("lightgbm", *_SKLEARN) if framework == "lightgbm" else _SKLEARN
